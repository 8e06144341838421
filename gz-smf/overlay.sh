# shellcheck shell=sh disable=SC2034,SC2154 # variables are shared with the method that reads this file
# overlay.sh: libraries in the system's folders: mounted over them where they are read-only, else placed into them.

placed=$KEPT/mount-gss.placed

# mounted_on TARGET: what is mounted on it, in `mounted`; the last line is the top one.
mounted_on() {
	mounted=''
	while read -r from on type _; do
		[ "$on" != "$1" ] || [ "$type" != lofs ] || mounted=$from
	done <"$MNTTAB"
}

# is_read_only FOLDER: its file system, that of the longest mount point above it, is.
is_read_only() {
	[ -w "$1" ] || return 0
	longest='' how=''
	while read -r from on type options _; do
		case $1/ in
		"${on%/}"/*)
			if [ ${#on} -ge ${#longest} ]; then
				longest=$on
				how=$options
			fi
			;;
		esac
	done <"$MNTTAB"
	case ",$how," in
	*,ro,*) ;;
	*) return 1 ;;
	esac
}

# add_libraries: those of `bits`.
add_libraries() {
	target_of "$bits"
	source_of "$bits"
	copy_of "$bits"
	[ -d "$target" ] || misconfigured "this system has no folder $target for $bits-bit mechanisms"
	mounted_on "$target"
	case $mounted in
	"$copy")
		if is_current "$copy"; then return; fi
		replaced=yes
		unmount_target
		;;
	'') ;;
	*)
		is_current "$target" || fatal "somebody else has mounted $mounted on $target"
		say "leaves $target as it is: somebody else has mounted $mounted there, which has these libraries"
		return
		;;
	esac
	if ! is_read_only "$target"; then
		place_libraries
	else
		note_replaced
		build_copy
		must mount -F lofs -O "$copy" "$target"
		mounted_now="$target $mounted_now"
	fi
	is_current "$target" || fatal "$target does not have the libraries of $source"
}

# is_current FOLDER: it has all our libraries as they are now.
is_current() {
	while IFS= read -r entry; do
		case $entry in
		"$bits"/*) cmp -s "$p_source/$entry" "$1/${entry#*/}" || return 1 ;;
		esac
	done <<-LINES
		$libraries
	LINES
}

# A library of the system that ours stands in for may be in use by auditd.
note_replaced() {
	while IFS= read -r entry; do
		case $entry in
		"$bits"/*) [ ! -e "$target/${entry#*/}" ] || cmp -s "$source/${entry#*/}" "$target/${entry#*/}" || replaced=yes ;;
		esac
	done <<-LINES
		$libraries
	LINES
}

# build_copy: the whole folder under another name first. Nothing is mounted from it at this moment.
build_copy() {
	must mkdir -p "$KEPT/gss"
	must rm -rf "$copy.new"
	must mkdir "$copy.new"
	must cp -pR "$target/." "$copy.new/"
	while IFS= read -r entry; do
		case $entry in
		"$bits"/*)
			must rm -f "$copy.new/${entry#*/}"
			must cp -p "$source/${entry#*/}" "$copy.new/"
			must chmod 755 "$copy.new/${entry#*/}"
			;;
		esac
	done <<-LINES
		$libraries
	LINES
	must rm -rf "$copy"
	must mv "$copy.new" "$copy"
}

# place_libraries: /usr can be written to, so they go there; which ones are ours is written down first.
place_libraries() {
	while IFS= read -r entry; do
		case $entry in
		"$bits"/*) place_library "$target/${entry#*/}" "$source/${entry#*/}" ;;
		esac
	done <<-LINES
		$libraries
	LINES
}

place_library() {
	if cmp -s "$2" "$1"; then return; fi
	own=$NL$(cat "$placed" 2>/dev/null)$NL
	case $own in
	*"$NL$1$NL"*) [ ! -e "$1" ] || replaced=yes ;;
	*)
		[ ! -e "$1" ] || misconfigured "$1 belongs to the system and is another one than $2"
		write_file "$placed" "${own#"$NL"}$1$NL"
		;;
	esac
	must cp -p "$2" "$1.new"
	must chmod 755 "$1.new"
	[ -e "$1" ] || placed_now=$placed_now$1$NL
	must mv -f "$1.new" "$1"
}

# unplace PATHS: takes these away again.
unplace() {
	while IFS= read -r path; do
		[ -z "$path" ] || rm -f "$path" "$path.new" || say "cannot remove $path"
	done <<-LINES
		$1
	LINES
}

# remove_libraries BITS: nothing of ours is left in that folder.
remove_libraries() {
	target_of "$1"
	copy_of "$1"
	mounted_on "$target"
	while [ "$mounted" = "$copy" ]; do
		unmount_target
		mounted_on "$target"
	done
	must rm -rf "$copy" "$copy.new"
	own=''
	while IFS= read -r path; do
		case $path in
		'') ;;
		"$target"/*) rm -f "$path" "$path.new" || fatal "cannot remove $path" ;;
		*) own=$own$path$NL ;;
		esac
	done <<-LINES
		$(cat "$placed" 2>/dev/null)
	LINES
	if [ -n "$own" ]; then write_file "$placed" "$own"; else must rm -f "$placed"; fi
}

# unmount_target: auditd has the libraries mapped while its plugin uses them; then it has to let go first.
unmount_target() {
	tries=10
	while ! out=$(umount "$target" 2>&1); do
		case $out in
		*busy*) ;;
		*) fatal "umount $target failed: $out" ;;
		esac
		[ $tries -gt 0 ] || fatal "$target stays mounted: somebody uses what is in it ($out)"
		if [ $tries = 10 ]; then release_auditd; fi
		tries=$((tries - 1))
		sleep 1
	done
}

# release_auditd: a loaded library is never given back, but by a restart without the plugin.
release_auditd() {
	state_of "$AUDITD"
	[ "$state" = online ] || return 0
	must auditconfig -getplugin
	remote='' others=''
	while read -r label name word; do
		case $label$name$word in
		'Plugin:audit_remote(active)') remote=yes ;;
		Plugin:*'(active)') others=yes ;;
		esac
	done <<-LINES
		$out
	LINES
	if [ -n "$remote" ]; then
		printf '' >"$released" || fatal "cannot write $released"
		must auditconfig -setplugin audit_remote inactive
	fi
	if [ -n "$others" ]; then
		say "restarts auditd without audit_remote, so that it lets go of $target"
		must svcadm restart "$AUDITD"
	else
		say "stops auditd, which has no plugin but audit_remote, so that it lets go of $target"
		must svcadm disable -st "$AUDITD"
	fi
}

# reactivate_auditd: the plugin that release_auditd() took away comes back.
reactivate_auditd() {
	must auditconfig -getplugin audit_remote
	case $out in
	*'p_hosts=;'*)
		rm -f "$released" # nobody has named receivers since
		return
		;;
	esac
	must auditconfig -setplugin audit_remote active
	state_of "$AUDITD"
	if [ "$state" = online ]; then
		must svcadm refresh "$AUDITD"
	else
		must svcadm enable -st "$AUDITD"
	fi
	must rm -f "$released"
}

# renew_auditd: a library that auditd may have loaded is another one now.
renew_auditd() {
	state_of "$AUDITD"
	[ "$state" = online ] || return 0
	must auditconfig -getplugin audit_remote
	case $out in
	*'(active)'*)
		say "restarts auditd, so that it loads the new library; what it had not sent yet is lost"
		must svcadm restart "$AUDITD"
		;;
	esac
}
