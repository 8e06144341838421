# shellcheck shell=sh disable=SC2034,SC2154 # variables are shared with the method that reads this file
# audit-apply.sh: sets what differs. What may fail comes first and the plugin last, so that auditd never runs with half of it.

untold=$KEPT/audit-setup.untold

# differs SETTING: it is to be set; its goal is in `value`.
differs() {
	case $NL$differing in
	*"$NL$1$NL"*) table_get "$goals" "$1" ;;
	*) return 1 ;;
	esac
}

apply() {
	apply_events
	apply_flags
	apply_policies
	apply_queue
	apply_plugin audit_binfile
	apply_plugin audit_remote
	apply_auditd
}

# -setclass would be lost at the next refresh of auditd, which reads the file again.
apply_events() {
	[ -n "$with_events" ] || return 0
	case $differing in
	*event.*) write_events ;;
	*) rm -f "$AUDIT_EVENT.new" ;; # of a run that was cut off
	esac
	# Also when the file was right: a run before this one may have ended in between.
	must auditconfig -conf
}

write_events() {
	must cp -p "$AUDIT_EVENT" "$AUDIT_EVENT.new"
	while IFS= read -r line; do
		case $line in
		[0-9]*:AUE_*:*:*)
			event=${line#*:}
			if table_get "$goals" "event.${event%%:*}"; then
				line=${line%:*}:$value
			fi
			;;
		esac
		printf '%s\n' "$line" || return 1
	done <"$AUDIT_EVENT" >"$AUDIT_EVENT.new" && mv -f "$AUDIT_EVENT.new" "$AUDIT_EVENT" && return
	rm -f "$AUDIT_EVENT.new"
	fatal "cannot write $AUDIT_EVENT"
}

apply_flags() {
	if differs flags; then must auditconfig -setflags "$value"; fi
	if differs naflags; then must auditconfig -setnaflags "$value"; fi
}

# Always with a sign, and one at a time: the policies of the site stay what they are.
apply_policies() {
	for policy in $policies; do
		if differs "policy.$policy"; then
			case $value in
			on) must auditconfig -setpolicy "+$policy" ;;
			off) must auditconfig -setpolicy "-$policy" ;;
			esac
		fi
	done
}

# The low mark has to stay below the high one at every step.
apply_queue() {
	table_get "$now" qhiwater || true
	high=$value
	[ "$high" != 0 ] || high=100
	if differs qhiwater && { [ "$value" = 0 ] || [ "$value" -lt "$high" ]; }; then
		set_queue qlowater
		set_queue qhiwater
	else
		set_queue qhiwater
		set_queue qlowater
	fi
	set_queue qbufsz
	set_queue qdelay
}

set_queue() {
	differs "$1" || return 0
	if [ "$1" = qhiwater ] && [ "$value" -gt 10000 ]; then
		set_high_mark
	else
		must auditconfig "-set$1" "$value"
	fi
}

# Older systems take no more than 10,000.
set_high_mark() {
	if out=$(auditconfig -setqhiwater "$value" 2>&1); then
		return
	fi
	case $out in
	*boundaries*) ;;
	*) must auditconfig -setqhiwater "$value" ;;
	esac
	say "this system does not take config/qhiwater=$value; uses its limit, 10000"
	must auditconfig -setqhiwater 10000
	table_put "$goals" qhiwater 10000
	goals=$table
	if table_get "$wanted" qhiwater; then
		table_put "$wanted" qhiwater 10000
		wanted=$table
		found_note qhiwater 10000 10000
	fi
}

# All attributes of a plugin in one call; those that are not named are kept.
apply_plugin() {
	attributes="" touched=""
	for attribute in p_hosts p_retries p_timeout p_minfree p_fsize; do
		if differs "$1.$attribute"; then
			attributes=$attributes${attributes:+;}$attribute=$value
			touched=yes
		fi
	done
	if differs "$1.state" || differs "$1.qsize"; then touched=yes; fi
	[ -n "$touched" ] || return 0
	need_kept
	printf '' >"$untold" || fatal "cannot write $untold"
	table_get "$goals" "$1.state" || table_get "$now" "$1.state"
	plugin_state=$value
	if table_get "$goals" "$1.qsize"; then
		must auditconfig -setplugin "$1" "$plugin_state" "$attributes" "$value"
	else
		must auditconfig -setplugin "$1" "$plugin_state" "$attributes"
	fi
}

# auditd is never restarted for settings: that would throw away what it has not sent yet.
apply_auditd() {
	table_get "$now" auditd.state || true
	auditd_state=$value
	table_get "$goals" auditd || true
	case $value:$auditd_state in
	off:*)
		must svcadm disable -s "$AUDITD"
		rm -f "$untold"
		;;
	*:online | *:degraded) tell_auditd ;;
	on:absent) fatal "this system has no $AUDITD" ;;
	on:maintenance)
		must svcadm clear "$AUDITD"
		enable_auditd
		;;
	on:*) enable_auditd ;;
	esac
}

enable_auditd() {
	must svcadm enable -s "$AUDITD"
	rm -f "$untold"
}

# `audit -s` comes back only when a receiver has taken a record; while there is none, all auditing waits with it.
tell_auditd() {
	[ -e "$untold" ] || return 0
	say "tells auditd (audit -s); this waits while no receiver answers"
	audit -s >"$untold" 2>&1 &
	telling=$!
	(
		trap 'kill "$sleeper"; exit' TERM
		sleep "$p_patience" &
		sleeper=$!
		wait "$sleeper"
		kill "$telling"
	) >/dev/null 2>&1 &
	watchdog=$!
	wait "$telling" && told=0 || told=$?
	kill "$watchdog" 2>/dev/null
	wait "$watchdog" 2>/dev/null
	if [ "$told" -gt 128 ]; then
		say "audit -s has not come back in $p_patience s: no receiver answers; auditd goes on trying, and auditing waits for it"
	elif [ "$told" -ne 0 ]; then
		join_lines "$(cat "$untold")"
		fatal "audit -s failed: $joined"
	fi
	[ "$told" -ne 0 ] || rm -f "$untold"
}
