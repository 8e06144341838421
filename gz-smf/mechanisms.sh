# shellcheck shell=sh disable=SC2034,SC2154 # variables are shared with the method that reads this file
# mechanisms.sh: our lines in the list of GSS mechanisms. Which lines are ours is kept beside, written before they are added.

own_lines=$KEPT/mount-gss.lines

# add_lines: those of `lines` that are missing; ours that are no longer wanted go.
add_lines() {
	old_own=$(cat "$own_lines" 2>/dev/null)
	missing='' new=''
	while IFS= read -r line; do
		if [ -z "$line" ] || is_listed "$line"; then continue; fi
		missing=$missing$line$NL
		# SmartOS forgets the list at a boot, and what we have kept beside does not.
		case $NL$old_own$NL in
		*"$NL$line$NL"*) ;;
		*) new=$new$line$NL ;;
		esac
	done <<-LINES
		$lines
	LINES
	unwanted=''
	while IFS= read -r line; do
		case $NL$lines in
		*"$NL$line$NL"*) ;;
		*) unwanted=$unwanted$line$NL ;;
		esac
	done <<-LINES
		$old_own
	LINES
	[ -n "$missing$unwanted" ] || return 0
	write_file "$own_lines" "$old_own${old_own:+$NL}$new"
	write_mechanisms
	keep_own
}

# is_listed LINE: a line of that mechanism is there; another one of the same name is not for us to replace.
is_listed() {
	find_mechanism "${1%% *}" || return 1
	[ "$mechanism_library" = "${1##* }" ] ||
		fail "$SMF_EXIT_ERR_CONFIG" other_mechanism \
			"$GSS_MECH has another line for ${1%% *}, with $mechanism_library; remove it, or take ours out of config/mechanisms"
}

# write_mechanisms: the list without the `unwanted` lines and with the `missing` ones; whole, or not at all.
write_mechanisms() {
	if [ -e "$GSS_MECH" ]; then
		must cp -p "$GSS_MECH" "$GSS_MECH.new"
	fi
	if {
		if [ -e "$GSS_MECH" ]; then
			while IFS= read -r line || [ -n "$line" ]; do
				case $NL$unwanted in
				*"$NL${line:- }$NL"*) ;;
				*) printf '%s\n' "$line" || fatal "cannot write $GSS_MECH.new" ;;
				esac
			done <"$GSS_MECH"
		fi
		printf '%s' "$missing"
	} >"$GSS_MECH.new" && mv -f "$GSS_MECH.new" "$GSS_MECH"; then
		return
	fi
	rm -f "$GSS_MECH.new"
	fatal "cannot write $GSS_MECH"
}

# What is ours from now on.
keep_own() {
	own=''
	while IFS= read -r line; do
		case $NL$unwanted in
		*"$NL$line$NL"*) ;;
		*) own=$own$line$NL ;;
		esac
	done <"$own_lines"
	write_file "$own_lines" "$own"
}

# remove_lines: all of ours.
remove_lines() {
	[ -s "$own_lines" ] || return 0
	unwanted=$(cat "$own_lines")$NL
	missing=''
	write_mechanisms
	rm -f "$own_lines"
}

# take_back_lines: those that a failed run has added.
take_back_lines() {
	[ -n "${missing:-}" ] || return 0
	unwanted=$missing
	missing=''
	write_mechanisms
	[ ! -e "$own_lines" ] || keep_own
}

# write_file PATH TEXT: whole, or not at all.
write_file() {
	if ! printf '%s' "$2" >"$1.new" || ! mv -f "$1.new" "$1"; then
		fatal "cannot write $1"
	fi
}

join_names() {
	while read -r name oid _; do
		case $name:$oid in
		'#'* | *:) ;;
		*) printf '%s ' "$name" ;;
		esac
	done <"$GSS_MECH"
}
