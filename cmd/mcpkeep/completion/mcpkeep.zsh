# Completion of mcpkeep for zsh. Add to ~/.zshrc, after compinit: source <(mcpkeep completion zsh)
_mcpkeep() {
    local line
    local -a candidates
    for line in ${(f)"$("$words[1]" complete-words "${(@)words[2,CURRENT]}" 2>/dev/null)"}; do
        candidates+=("${${line%%$'\t'*}//:/\\:}:${line#*$'\t'}")
    done
    if (( $#candidates )); then
        _describe mcpkeep candidates
    else
        _files
    fi
}
compdef _mcpkeep mcpkeep
