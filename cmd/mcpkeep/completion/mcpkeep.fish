# Completion of mcpkeep for fish. Save as ~/.config/fish/completions/mcpkeep.fish
function __mcpkeep_candidates
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    $words[1] complete-words $words[2..-1] "$current" 2>/dev/null
end
complete -c mcpkeep -f -a '(__mcpkeep_candidates)'
