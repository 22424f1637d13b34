# SPDX-License-Identifier: MIT
# shellcheck shell=bash
# What completions/sockade.bash gives for a line: complete.bash FILE LINE prints the candidates, one a line.
#
# readline is stood in for: it cuts the line into words at blanks, and at : and =, which are words by themselves.
# shellcheck disable=SC1090 # the file under test
. "$1"
COMP_LINE=$2 COMP_POINT=${#2} COMP_WORDS=() COMP_CWORD=0
COMP_WORDBREAKS=$' \t\n"\'><=;|&(:'
while read -r word; do
    COMP_WORDS+=("$word")
done < <(grep -oE '[:=]+|[^:= ]+' <<<"$COMP_LINE")
case $COMP_LINE in
*[!:=\ ]) ;;
*) COMP_WORDS+=('') ;;
esac
COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
compopt() { :; } # none is at work here
_sockade
((${#COMPREPLY[@]} == 0)) || printf '%s\n' "${COMPREPLY[@]}"
