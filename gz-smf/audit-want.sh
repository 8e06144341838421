# shellcheck shell=sh disable=SC2034,SC2154 # variables are shared with the method that reads this file
# audit-want.sh: the properties of the service as a table of settings in `wanted`, each of them checked.

known='hosts mechanism port timeout retries qsize policies flags naflags event_classes'
known="$known qhiwater qlowater qbufsz qdelay local_trail local_minfree local_size patience"

want() {
	table_put "$wanted" "$1" "$2"
	wanted=$table
}

# want_all: what the properties ask for.
want_all() {
	wanted=$NL
	want_receivers
	want_policies
	want_flags
	want_queue
	want_events
	want_local_trail
	want auditd on
}

# words TEXT: the words of a list that has commas, blanks or line breaks between them, each in a line, in `words`.
words() {
	words=
	IFS=" ,$NL"
	for word in $1; do
		[ -z "$word" ] || words=$words$word$NL
	done
	unset IFS
}

want_receivers() {
	need_number timeout 1 3600
	need_number retries 0 100
	need_number port 1 65535
	# Unset, the window is 100 records: the first cause of loss.
	need_number qsize 100 1000000
	words "$p_hosts"
	[ -n "$words" ] || misconfigured "config/hosts is empty; name the receivers:" \
		"svccfg -s $SMF_FMRI setprop config/hosts = astring: '\"recv-a.example.net\"'; svcadm refresh $SMF_FMRI"
	p_hosts_attribute="" names=""
	while IFS= read -r entry; do
		[ -z "$entry" ] || add_receiver "$entry"
	done <<-LINES
		$words
	LINES
	if [ ${#p_hosts_attribute} -gt 96 ]; then
		misconfigured "the receivers come to ${#p_hosts_attribute} characters ($p_hosts_attribute), and auditconfig has room" \
			"for 96: give them shorter names in DNS"
	fi
	want audit_remote.state active
	want audit_remote.p_hosts "$p_hosts_attribute"
	want audit_remote.p_retries "$p_retries"
	want audit_remote.p_timeout "$p_timeout"
	want audit_remote.qsize "$p_qsize"
}

# add_receiver HOST[:[PORT][:MECHANISM]]
add_receiver() {
	IFS=:
	# shellcheck disable=SC2086 # split at the colons
	set -- $1
	unset IFS
	if [ $# -gt 3 ]; then
		misconfigured "config/hosts: there is no room for IPv6 addresses in the list of audit_remote; give a name for it"
	fi
	host=$1 port=${2:-$p_port} mechanism=${3:-$p_mechanism}
	case $host in
	'' | *[!A-Za-z0-9.-]*) misconfigured "config/hosts: '$host' is no name of a host" ;;
	esac
	case $port in
	*[!0-9]*) misconfigured "config/hosts: '$port' is no port" ;;
	esac
	check_mechanism
	case $host in
	*[!0-9.]*) names="$names $host" ;;
	*) check_address ;;
	esac
	p_hosts_attribute=$p_hosts_attribute${p_hosts_attribute:+,}$host:$port${mechanism:+:$mechanism}
}

# A plugin that cannot load its mechanism leaves auditd running without it, so we look first.
check_mechanism() {
	find_mechanism "$mechanism" ||
		misconfigured "the mechanism '${mechanism:-(default)}' is not in $GSS_MECH; without it audit_remote cannot start"
	case $mechanism_library in
	/*) library=$mechanism_library ;;
	*) auditd_folder && library=$folder/$mechanism_library ;;
	esac
	[ -r "$library" ] || misconfigured "the library of the mechanism $mechanism_name is missing: $library"
}

check_address() {
	case $mechanism_name:$mechanism_library in
	kerberos* | *mech_krb5*)
		misconfigured "config/hosts: $host is an address, and $mechanism_name needs a name: the host asks for a ticket of" \
			"audit@NAME, and there is none for an address"
		;;
	esac
}

# need_names: every receiver has an address; the plugin resolves names only when it starts.
need_names() {
	waited=0
	for host in $names; do
		until getent hosts "$host" >/dev/null 2>&1; do
			[ "$waited" -lt "$p_patience" ] || fail "${SMF_EXIT_ERR_OTHER:-1}" no_address \
				"the receiver $host has no address: put it in DNS, or correct config/hosts; auditd was left as it was"
			sleep 5
			waited=$((waited + 5))
		done
	done
}

want_policies() {
	words "$p_policies"
	while IFS= read -r entry; do
		case " $policies " in
		*" ${entry#[+-]} "*) ;;
		*) [ -z "$entry" ] || misconfigured "config/policies: there is no policy '${entry#[+-]}'; there are: $policies" ;;
		esac
		case $entry in
		'') ;;
		+*) want "policy.${entry#+}" on ;;
		-*) want "policy.${entry#-}" off ;;
		*) misconfigured "config/policies: write +$entry or -$entry; without a sign it would replace the site's own policies" ;;
		esac
	done <<-LINES
		$words
	LINES
}

want_flags() {
	for setting in flags naflags; do
		eval "value=\$p_$setting"
		[ -n "$value" ] || continue
		case $value in
		*[!a-zA-Z0-9_,+^-]*) misconfigured "config/$setting has to be classes with commas between them, and is '$value'" ;;
		esac
		[ ${#value} -le 255 ] || misconfigured "config/$setting has ${#value} characters, and 255 is the most"
		want "$setting" "$value"
	done
}

# 0 leaves a value to the site.
want_queue() {
	need_number qhiwater 0 100000
	need_number qlowater 0 99999
	need_number qbufsz 0 1048576
	need_number qdelay 0 20000
	if [ "$p_qhiwater" != 0 ] && [ "$p_qlowater" != 0 ] && [ "$p_qlowater" -ge "$p_qhiwater" ]; then
		misconfigured "config/qlowater ($p_qlowater) has to be below config/qhiwater ($p_qhiwater)"
	fi
	for setting in qhiwater qlowater qbufsz qdelay; do
		eval "value=\$p_$setting"
		[ "$value" = 0 ] || want "$setting" "$value"
	done
}

# EVENT=CLASSES, one in each value of the property.
want_events() {
	IFS=" $NL"
	for entry in $p_event_classes; do
		event=${entry%%=*}
		case $entry in
		AUE_*=?*) ;;
		*) misconfigured "config/event_classes: '$entry' has to look like AUE_EXECVE=ps,ex" ;;
		esac
		case $event:${entry#*=} in
		*:*[!a-zA-Z0-9_,]* | *[!A-Za-z0-9_]*:*) misconfigured "config/event_classes: '$entry' has to look like AUE_EXECVE=ps,ex" ;;
		esac
		want "event.$event" "${entry#*=}"
	done
	unset IFS
}

want_local_trail() {
	need_word local_trail keep on off
	need_number local_minfree 0 100
	case $p_local_size in
	*[!0-9BKMGbkmg]*) misconfigured "config/local_size has to be a size such as 512M, and is '$p_local_size'" ;;
	esac
	case $p_local_trail in
	on)
		want audit_binfile.state active
		want audit_binfile.p_minfree "$p_local_minfree"
		[ -z "$p_local_size" ] || want audit_binfile.p_fsize "$p_local_size"
		;;
	off) want audit_binfile.state inactive ;;
	esac
}
