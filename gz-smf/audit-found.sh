# shellcheck shell=sh disable=SC2034,SC2154 # variables are shared with the method that reads this file
# audit-found.sh: what a setting was before audit-setup touched it, kept over boots, so that it can be put back.
#
# A row is "setting|what it was|what we set|…": every value of ours since we last looked at the end of a whole run. It is
# written before a setting is changed. So after an interrupted run we still tell apart what is ours and what somebody else
# has set: the value that we see is among ours, or it is not, and then it is what has to be put back.

found_file=$KEPT/audit-setup.found
found=$NL

found_load() {
	found=$NL
	[ ! -r "$found_file" ] || found=$NL$(cat "$found_file")$NL || fatal "cannot read $found_file"
	[ "$found" != "$NL$NL" ] || found=$NL
}

# found_before SETTING NOW: what it was before us, in `before`; fails where the value of now is not ours.
found_before() {
	table_get "$found" "$1" || return 1
	before=${value%%"|"*}
	ours=${value#"$before"}
	case "$ours|" in
	*"|$2|"*) ;;
	*) return 1 ;;
	esac
}

# found_was SETTING NOW: it is what it was before us.
found_was() {
	table_get "$found" "$1" && [ "$2" = "${value%%"|"*}" ]
}

# found_note SETTING NOW GOAL: we are about to set it.
found_note() {
	if found_before "$1" "$2"; then
		case "$ours|" in
		*"|$3|"*) return ;;
		esac
		table_put "$found" "$1" "$before$ours|$3"
	else
		table_put "$found" "$1" "$2|$3"
	fi
	found=$table
}

# found_settled SETTING GOAL: it is set, and the system says so.
found_settled() {
	table_get "$found" "$1" || return 0
	table_put "$found" "$1" "${value%%"|"*}|$2"
	found=$table
}

found_drop() {
	table_drop "$found" "$1"
	found=$table
}

found_save() {
	if [ "$found" = "$NL" ]; then
		rm -f "$found_file" || fatal "cannot remove $found_file"
		return
	fi
	need_kept
	text=${found#"$NL"}
	if ! (umask 077 && printf '%s' "$text" >"$found_file.new") || ! mv -f "$found_file.new" "$found_file"; then
		fatal "cannot write $found_file"
	fi
}
