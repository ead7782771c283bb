# Completion of mcpkeep for bash. Add to ~/.bashrc: source <(mcpkeep completion bash)
_mcpkeep() {
    local IFS=$'\n'
    COMPREPLY=($("$1" complete-words "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null | cut -f 1))
}
complete -o default -F _mcpkeep mcpkeep
