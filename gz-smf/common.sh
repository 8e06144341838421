# shellcheck shell=sh disable=SC2034,SC2154 # variables are shared with the method that reads this file
# common.sh: what the methods of audited hosts share. It is read by them, never run.
#
# A method sets `method` (its name in messages) and `known` (the names of its properties), then reads this file.

# Where things are. Everything that survives a boot of SmartOS lies under /var and /opt.
SMF_INCLUDE=/lib/svc/share/smf_include.sh
KEPT=/var/auditrecv
MNTTAB=/etc/mnttab
GSS_MECH=/etc/gss/mech
GSS_32=/usr/lib/gss
GSS_64=/usr/lib/amd64/gss
AUDIT_EVENT=/etc/security/audit_event
AUDITD_PROGRAM=/usr/sbin/auditd
AUDITD=svc:/system/auditd:default

NL='
'
LC_ALL=C
export LC_ALL
umask 022
set -f # nothing here is a pattern of file names

# shellcheck source=/dev/null
. "$SMF_INCLUDE" || exit 96

# `svcs -x` shows no text of a method, so what went wrong is one line of the service log.
say() {
	printf '%s: %s\n' "${method:?}" "$*" >&2
}

# fail CODE TOKEN TEXT: ends the method.
fail() {
	say "$3"
	# A method may have something to take back, once.
	undo_now=${undo:-}
	undo=
	[ -z "$undo_now" ] || "$undo_now"
	# Newest illumos and Solaris 11 keep the reason for svcs -x.
	if type smf_method_exit >/dev/null 2>&1; then
		smf_method_exit "$1" "$2" "$3"
	fi
	exit "$1"
}

misconfigured() {
	fail "$SMF_EXIT_ERR_CONFIG" bad_property "$*"
}

fatal() {
	fail "$SMF_EXIT_ERR_FATAL" failed "$*"
}

# must COMMAND...: runs it; its output is in `out`. A failure is told with what it said, and ends the method.
must() {
	if ! out=$("$@" 2>&1); then
		join_lines "$out"
		fatal "$* failed: ${joined:-it said nothing}"
	fi
}

# join_lines TEXT: one line, in `joined`.
join_lines() {
	joined=
	rest=$1$NL
	while [ -n "$rest" ]; do
		piece=${rest%%"$NL"*}
		rest=${rest#*"$NL"}
		[ -z "$piece" ] || joined="$joined${joined:+; }$piece"
	done
}

# What the installer has not finished does not start: files may be of two versions, or missing.
case ${1:-} in
start | refresh)
	[ ! -e "${home:?}/unfinished" ] || misconfigured "the installer was cut off here: run it again (install, or install --undo)"
	;;
esac

only_global_zone() {
	smf_is_globalzone ||
		fail "$SMF_EXIT_ERR_CONFIG" not_global_zone "this runs in the global zone only; here is $(smf_zonename)"
}

# The private folder of what has to be kept.
need_kept() {
	[ -d "$KEPT" ] || (umask 077 && mkdir -p "$KEPT") || fatal "cannot make $KEPT"
}

# read_properties: every property config/NAME becomes p_NAME, several values with line breaks between them.
read_properties() {
	SMF_FMRI=${SMF_FMRI:-svc:/site/$method:default}
	found=$(svcprop -p config "$SMF_FMRI" 2>&1) ||
		fail "$SMF_EXIT_ERR_CONFIG" no_properties "cannot read the properties of $SMF_FMRI: $found"
	while IFS= read -r line; do
		[ -z "$line" ] || read_property "$line"
	done <<-LINES
		$found
	LINES
}

# svcprop quotes most of what means something to a shell. What it does not quote is refused, before eval sees it.
read_property() {
	name=${1%% *}
	name=${name#config/}
	case $name in
	*_authorization | value_auth*) return ;;
	'' | *[!a-z0-9_]*) misconfigured "what is the property config/$name?" ;;
	esac
	case " ${known:?} " in
	*" $name "*) ;;
	*) misconfigured "config/$name is no property of this service; there are: $known" ;;
	esac
	values=${1#* }
	case $values in
	*' '*) values=${values#* } ;;
	*) values= ;;
	esac
	# shellcheck disable=SC1003 # a backslash at the end: the value goes on in the next line
	case $values in
	*[\$\#~\|]* | *'\') misconfigured "config/$name holds a character that is not allowed (\$ # ~ | or a line break)" ;;
	esac
	eval "set -- $values"
	value=
	for word do
		[ -z "$word" ] || value="$value${value:+$NL}$word"
	done
	eval "p_$name=\$value"
}

# need_number NAME LEAST MOST: the property is a whole number.
need_number() {
	eval "value=\${p_$1:-}"
	case $value in
	'' | *[!0-9]* | ??????????*) misconfigured "config/$1 has to be a number from $2 to $3, and is '$value'" ;;
	esac
	if [ "$value" -lt "$2" ] || [ "$value" -gt "$3" ]; then
		misconfigured "config/$1 has to be from $2 to $3, and is $value"
	fi
}

# need_word NAME WORD...: the property is one of these words.
need_word() {
	property=$1
	eval "value=\${p_$1:-}"
	shift
	for word do
		[ "$value" != "$word" ] || return 0
	done
	misconfigured "config/$property has to be one of: $*; and is '$value'"
}

# SMF stops a service for a restart and at a shutdown too. Only somebody who disabled it wants the host as it was before.
is_disabled() {
	enabled=$(svcprop -p general_ovr/enabled "$SMF_FMRI" 2>/dev/null) ||
		enabled=$(svcprop -c -p general/enabled "$SMF_FMRI" 2>/dev/null) || enabled=true
	[ "$enabled" = false ]
}

# state_of FMRI: its state in `state`, "absent" where there is no such service.
state_of() {
	if ! state=$(svcs -H -o state "$1" 2>&1); then
		case $state in
		*"doesn't match any"*) state=absent ;;
		*) fatal "svcs $1 failed: $state" ;;
		esac
	fi
	state=${state%%[* ]*}
}

# need_owner PATH: it belongs to root and nobody else may write to it, for what it holds runs as root.
need_owner() {
	# shellcheck disable=SC2012 # the names are ours; there is no stat here
	line=$(ls -ldn "$1" 2>&1) || misconfigured "$line"
	mode=${line%% *}
	case $mode in
	?????w* | ????????w*) misconfigured "$1 may be written to by others than root: chmod go-w $1" ;;
	esac
	read -r skip skip owner skip <<-LINE
		$line
	LINE
	[ "$owner" = 0 ] || [ "$owner" = "$(id -u)" ] || misconfigured "$1 does not belong to root: chown root $1"
}

# auditd_folder: the folder of the mechanisms that auditd can load, in `folder`; it is a 32-bit program on most systems.
auditd_folder() {
	folder=$GSS_32
	case $(file "$AUDITD_PROGRAM" 2>/dev/null) in
	*64-bit*) folder=$GSS_64 ;;
	esac
}

# find_mechanism NAME: its line of the list of mechanisms, in `mechanism_name` and `mechanism_library`. No name: the first one.
find_mechanism() {
	[ -r "$GSS_MECH" ] || return 1
	while read -r mechanism_name oid mechanism_library _; do
		case $mechanism_name in
		'' | '#'*) continue ;;
		esac
		if [ -z "$1" ] || [ "$1" = "$mechanism_name" ]; then
			case $oid in
			*.*) return 0 ;;
			esac
		fi
	done <"$GSS_MECH"
	return 1
}
