# shellcheck shell=sh disable=SC2034,SC2154 # variables are shared with the method that reads this file
# tables.sh: small tables in variables. A row is "key|value" in a line of its own; the text begins and ends with a line break.

# table_get TEXT KEY: the rest of the row, in `value`; fails where there is none.
table_get() {
	value=
	case $1 in
	*"$NL$2|"*) ;;
	*) return 1 ;;
	esac
	value=${1#*"$NL$2|"}
	value=${value%%"$NL"*}
}

# table_put TEXT KEY VALUE: the text with this row, in `table`; an older row of that key goes.
table_put() {
	table_drop "$1" "$2"
	table=${table}$2\|$3$NL
}

table_drop() {
	table=$1
	case $1 in
	*"$NL$2|"*)
		after=${1#*"$NL$2|"}
		table=${1%%"$NL$2|"*}$NL${after#*"$NL"}
		;;
	esac
}

# table_keys TEXT: the keys, each in a line, in `keys`.
table_keys() {
	keys=
	rest=${1#"$NL"}
	while [ -n "$rest" ]; do
		keys=$keys${rest%%"|"*}$NL
		rest=${rest#*"$NL"}
	done
}
