# SPDX-License-Identifier: MIT
# Completion of `sockade` for fish. What there is to complete is asked of the program itself (`sockade help --table`),
# so that this file never falls behind it.

# Names of rules that stand in a policy of this user's or of the system.
function __sockade_rules
    set -l home (set -q XDG_CONFIG_HOME; and echo $XDG_CONFIG_HOME; or echo $HOME/.config)
    set -l policy (set -q SOCKADE_POLICY; and echo $SOCKADE_POLICY; or echo $home/sockade/policy.conf)
    set -l parts /etc/sockade/policy.conf /etc/sockade/policy.d/*.conf
    sed -n 's/.*\bname *= *"\([^"\\ ]*\)".*/\1/p' $policy $parts 2>/dev/null
end

# __sockade_value KIND TEXT: what a value of that name may be
function __sockade_value
    switch $argv[1]
        case '*|*'
            string split '|' (string replace -r '[A-Z].*' '' $argv[1])
        case RULE
            __sockade_rules
        case PROGRAM
            complete -C $argv[2]
        case PID
            __fish_complete_pids
        case 'FILE*' 'PATH*' OUT 'CASES*' IMAGE POLICY 'EVENTS*'
            __fish_complete_path $argv[2]
        case FOLDER DIR
            __fish_complete_directories $argv[2]
        case '*'
            for line in $__sockade_table
                set -l fields (string split \t $line)
                test "$fields[1] $fields[2]" = "values $argv[1]"; and string split ' ' $fields[3]
            end
    end
end

# __sockade_options COMMAND: its options, each with what it does
function __sockade_options
    for line in $__sockade_table
        set -l fields (string split \t $line)
        test "$fields[1] $fields[2]" = "option $argv[1]"; or continue
        printf '%s\t%s\n' $fields[4] $fields[6]
        test $fields[3] = -; or printf '%s\t%s\n' $fields[3] $fields[6]
    end
end

# __sockade_kind COMMAND OPTION: the name of the option's value, or -
function __sockade_kind
    for line in $__sockade_table
        set -l fields (string split \t $line)
        test "$fields[1] $fields[2]" = "option $argv[1]"; or continue
        contains -- $argv[2] $fields[3] $fields[4]; or continue
        echo $fields[5]
        return
    end
    echo -
end

function __sockade_commands
    for line in $__sockade_table
        set -l fields (string split \t $line)
        test $fields[1] = command; and printf '%s\t%s\n' $fields[2] $fields[3]
    end
end

# The words behind the command's name: __sockade_arguments CURRENT WORD...
function __sockade_arguments
    set -l current $argv[1]
    set -l words $argv[2..]
    set -l name $words[2]
    set -l wanted ''
    set -l ended ''
    set -l operands ''
    set -l at 3
    for line in $__sockade_table
        set -l fields (string split \t $line)
        test "$fields[1] $fields[2]" = "operands $name"; and set operands $fields[3]
    end
    for word in $words[3..]
        if test -n "$wanted"
            set wanted ''
        else if test -z "$ended" -a "$word" = --
            set ended yes
        else if test -z "$ended"; and string match -q -- '-?*' $word
            set -l kind (__sockade_kind $name $word)
            string match -q -- '*=*' $word; or string match -qr -- '^[-[]' $kind; or set wanted $kind
        else if string match -q '*PROGRAM*ARG*' $operands
            break
        end
        set at (math $at + 1)
    end
    if test -n "$wanted"
        __sockade_value $wanted "$current"
    else if test -z "$ended"; and string match -q -- '--*=*' $current
        set -l option (string split -m 1 = -- $current)
        for value in (__sockade_value (__sockade_kind $name $option[1]) "$option[2]")
            echo $option[1]=$value
        end
    else if test -z "$ended"; and string match -q -- '-*' $current
        __sockade_options $name
    else if string match -q '*PROGRAM*ARG*' $operands
        set -l rest (string escape -- $words[$at..])
        complete -C (string join ' ' -- $rest $current)
    else if string match -q '*COMMAND*' $operands
        __sockade_commands
    else if string match -q '*PROGRAM*' $operands
        complete -C "$current"
    else if string match -qr 'FILE|CASES|PATH|EVENTS' $operands
        __fish_complete_path "$current"
    end
end

function __sockade_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -g __sockade_table (command $words[1] help --table 2>/dev/null; or command sockade help --table 2>/dev/null)
    if test (count $words) -gt 1
        __sockade_arguments "$current" $words
    else if string match -q -- '-*' $current
        __sockade_options -
    else
        __sockade_commands
    end
    set -e __sockade_table
end

complete -c sockade -f -a '(__sockade_complete)'
