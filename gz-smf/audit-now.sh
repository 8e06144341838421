# shellcheck shell=sh disable=SC2034,SC2154 # variables are shared with the method that reads this file
# audit-now.sh: what the system says about each of our settings, as a table in `now`.
#
# What counts is what is configured, for that is what a boot brings back. A setting whose active value is another one is
# listed in `stale`, and is set again. The settings:
#   policy.NAME                  on, off
#   flags, naflags               classes, as auditconfig prints them
#   qhiwater qlowater qbufsz qdelay   numbers; 0 is the system's own value
#   event.NAME                   classes of an event
#   auditd                       on, off; auditd.state is the word of svcs
#   PLUGIN.state PLUGIN.qsize PLUGIN.p_…   of the plugins audit_remote and audit_binfile

policies='ahlt arge argv cnt group path perzone public seq trail windata_down windata_up zonename'

now_put() {
	table_put "$now" "$1" "$2"
	now=$table
}

# now_read: all of it; the classes of events only where `with_events` is set.
now_read() {
	now=$NL
	stale=
	read_policies
	read_flags -getflags flags
	read_flags -getnaflags naflags
	read_queue
	read_plugin audit_remote
	read_plugin audit_binfile
	read_auditd
	[ -z "${with_events:-}" ] || read_events
}

# has_policy LIST NAME
has_policy() {
	case ",$1," in
	*",$2,"* | ,all,) ;;
	*) return 1 ;;
	esac
}

read_policies() {
	must auditconfig -getpolicy
	configured="" active=""
	while IFS= read -r line; do
		case $line in
		'configured audit policies = '*) configured=${line#* = } ;;
		'active audit policies = '*) active=${line#* = } ;;
		esac
	done <<-LINES
		$out
	LINES
	for policy in $policies; do
		if has_policy "$configured" "$policy"; then is=on; else is=off; fi
		now_put "policy.$policy" "$is"
		if has_policy "$active" "$policy"; then acts=on; else acts=off; fi
		[ "$is" = "$acts" ] || stale="$stale policy.$policy"
	done
}

# read_flags OPTION SETTING: "configured user default audit flags = lo,ex(0x…,0x…)"
read_flags() {
	must auditconfig "$1"
	configured="" active=""
	while IFS= read -r line; do
		classes=${line#* = }
		classes=${classes%%'('*}
		case $line in
		configured*) configured=$classes ;;
		active*) active=$classes ;;
		esac
	done <<-LINES
		$out
	LINES
	now_put "$2" "$configured"
	same_classes "$configured" "$active" || stale="$stale $2"
}

# same_classes A B: the same classes in any order.
same_classes() {
	[ "$1" != "$2" ] || return 0
	classes_in "$1" "$2" && classes_in "$2" "$1"
}

classes_in() {
	these=$1,
	while [ -n "$these" ]; do
		case ",$2," in
		*",${these%%,*},"*) ;;
		*) return 1 ;;
		esac
		these=${these#*,}
	done
}

read_queue() {
	must auditconfig -getqctrl
	for setting in 'qhiwater hiwater' 'qlowater lowater' 'qbufsz buffer' 'qdelay delay'; do
		word="audit queue ${setting#* } "
		configured=0 active=0
		while IFS= read -r line; do
			case "$line " in
			"configured $word"*' = '*) configured=${line##* = } ;;
			"active $word"*' = '*) active=${line##* = } ;;
			esac
		done <<-LINES
			$out
		LINES
		now_put "${setting%% *}" "$configured"
		[ "$configured" = 0 ] || [ "$configured" = "$active" ] || stale="$stale ${setting%% *}"
	done
}

read_auditd() {
	state_of "$AUDITD"
	now_put auditd.state "$state"
	case $state in
	disabled | absent) now_put auditd off ;;
	online | degraded) now_put auditd on ;;
	*)
		now_put auditd on
		stale="$stale auditd"
		;;
	esac
}

read_plugin() {
	must auditconfig -getplugin "$1"
	state="" attributes="" qsize=0
	while read -r label line; do
		case $label in
		Plugin:)
			state=${line##*'('}
			state=${state%')'*}
			;;
		Attributes:) attributes=$line ;;
		Queue)
			qsize=${line#size: }
			qsize=${qsize%% *}
			;;
		esac
	done <<-LINES
		$out
	LINES
	[ -n "$state" ] || fatal "auditconfig -getplugin $1 says nothing about $1"
	now_put "$1.state" "$state"
	now_put "$1.qsize" "$qsize"
	while [ -n "$attributes" ]; do
		attribute=${attributes%%;*}
		case $attributes in
		*';'*) attributes=${attributes#*;} ;;
		*) attributes= ;;
		esac
		[ -z "$attribute" ] || now_put "$1.${attribute%%=*}" "${attribute#*=}"
	done
}

# NAME number classes text
read_events() {
	must auditconfig -lsevent
	while read -r event number classes skip; do
		case $with_events in *"$NL$event$NL"*) now_put "event.$event" "$classes" ;; esac
	done <<-LINES
		$out
	LINES
}
