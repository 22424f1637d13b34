# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# Completion of `sockade` for bash. What there is to complete is asked of the program itself (`sockade help --table`),
# so that this file never falls behind it.

# The line up to the cursor in words, as the program would get them: bash itself cuts words at : and = too. `places`
# tells where in the words of bash each begins.
_sockade_words() {
    local line=${COMP_LINE:0:COMP_POINT} word blank i
    words=() places=()
    for ((i = 0; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        blank=${line%%[![:blank:]]*}
        line=${line#"$blank"}
        [[ $line == "$word"* ]] || word=$line
        line=${line#"$word"}
        if [[ $i -gt 0 && -z $blank ]]; then
            words[-1]+=$word
        else
            words+=("$word")
            places+=("$i")
        fi
    done
}

# Names of rules that stand in a policy of this user's or of the system.
_sockade_rules() {
    sed -n 's/.*\bname *= *"\([^"\\ ]*\)".*/\1/p' \
        "${SOCKADE_POLICY:-${XDG_CONFIG_HOME:-$HOME/.config}/sockade/policy.conf}" \
        /etc/sockade/policy.conf /etc/sockade/policy.d/*.conf 2>/dev/null
}

# _sockade_value KIND TEXT: what a value of that name may be
_sockade_value() {
    local kind=$1 text=$2
    case $kind in
    *'|'*)
        kind=${kind//|/ }
        mapfile -t COMPREPLY < <(compgen -W "${kind%%[A-Z]*}" -- "$text")
        [[ ${COMPREPLY[0]} != *: ]] || compopt -o nospace
        ;;
    RULE) mapfile -t COMPREPLY < <(compgen -W "$(_sockade_rules)" -- "$text") ;;
    PROGRAM) mapfile -t COMPREPLY < <(compgen -c -- "$text") ;;
    PID) mapfile -t COMPREPLY < <(compgen -W "$(cd /proc && echo [0-9]*)" -- "$text") ;;
    *)
        if [[ -n ${values[$kind]} ]]; then
            mapfile -t COMPREPLY < <(compgen -W "${values[$kind]}" -- "$text")
            [[ ${COMPREPLY[0]} != *: ]] || compopt -o nospace
        elif [[ " FILE PATH OUT CASES FOLDER DIR IMAGE POLICY EVENTS " == *" ${kind%%...*} "* ]]; then
            compopt -o filenames 2>/dev/null
            mapfile -t COMPREPLY < <(compgen -f -- "$text")
        fi
        ;;
    esac
}

# Leaves the words from number $1 on to the completion of the program that they start with.
_sockade_program() {
    if declare -F _command_offset >/dev/null; then
        _command_offset "${places[$1]}"
        current='' # what is behind the last : was cut by it
    elif ((${#words[@]} == $1 + 1)); then
        mapfile -t COMPREPLY < <(compgen -c -- "$current")
    else
        compopt -o filenames 2>/dev/null
        mapfile -t COMPREPLY < <(compgen -f -- "$current")
    fi
}

# Reads the part of the table that is about $1 into the variables of _sockade.
_sockade_table() {
    local what of name long value
    while IFS=$'\t' read -r what of name long value _; do
        case $what in
        command) commands+=" $of" ;;
        values) values[$of]=$name ;;
        operands) [[ $of != "$1" ]] || operands=$name ;;
        option)
            [[ $of == "$1" ]] || continue
            options+=" $long"
            kinds[$long]=$value
            if [[ $name != - ]]; then kinds[$name]=$value options+=" $name"; fi
            ;;
        esac
    done < <(command "${words[0]}" help --table 2>/dev/null || command sockade help --table 2>/dev/null)
}

# The words behind the command's name.
_sockade_arguments() {
    local i word wanted='' ended=''
    for ((i = 2; i < ${#words[@]} - 1; i++)); do
        word=${words[i]}
        if [[ -n $wanted ]]; then
            wanted=''
        elif [[ -z $ended && $word == -- ]]; then
            ended=yes
        elif [[ -z $ended && $word == -?* ]]; then
            [[ $word == *=* || ${kinds[$word]:--} == [-[]* ]] || wanted=${kinds[$word]}
        elif [[ $operands == *PROGRAM*ARG* ]]; then
            _sockade_program "$i"
            return
        fi
    done
    if [[ -n $wanted ]]; then
        _sockade_value "$wanted" "$current"
    elif [[ -z $ended && $current == --*=* ]]; then
        _sockade_value "${kinds[${current%%=*}]:--}" "${current#*=}"
    elif [[ -z $ended && $current == -* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$options" -- "$current")
    elif [[ $operands == *PROGRAM*ARG* ]]; then
        _sockade_program "$i"
    elif [[ $operands == *COMMAND* ]]; then
        mapfile -t COMPREPLY < <(compgen -W "$commands" -- "$current")
    elif [[ $operands == *PROGRAM* ]]; then
        mapfile -t COMPREPLY < <(compgen -c -- "$current")
    elif [[ $operands =~ (FILE|CASES|PATH|EVENTS) ]]; then
        _sockade_value FILE "$current"
    fi
}

_sockade() {
    local words=() places=() commands='' options='' operands='' current cut
    local -A kinds=() values=()
    COMPREPLY=()
    _sockade_words
    current=${words[-1]}
    if ((${#words[@]} == 2)); then
        _sockade_table -
        mapfile -t COMPREPLY < <(compgen -W "$commands $options" -- "$current")
    else
        _sockade_table "${words[1]}"
        _sockade_arguments
    fi
    # readline replaces only what stands behind the last : or =.
    cut=${current%"${current##*[:=]}"}
    [[ -z $cut || -z $COMP_WORDBREAKS ]] || COMPREPLY=("${COMPREPLY[@]#"$cut"}")
}

complete -F _sockade sockade
