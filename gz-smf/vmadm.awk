# vmadm.awk: the list of objects that `vmadm lookup -j` prints, as lines "zone TAB alias TAB owner TAB brand TAB state".
# Texts stay as they are written there, in their quotes. What is not such a list ends it with status 1.

# Line by line, for a text never goes over the end of one, and a list may be long.
function token(  t) {
	sub(/^[ \t\r]+/, "", text)
	while (text == "") {
		if ((getline text) <= 0) return text = ""
		sub(/^[ \t\r]+/, "", text)
	}
	if (match(text, /^"([^"\\]|\\.)*"/) || match(text, /^[][{}:,]/) || match(text, /^[a-z0-9.+-]+/)) {
		t = substr(text, 1, RLENGTH)
		text = substr(text, RLENGTH + 1)
		return t
	}
	return ""
}

# A value that is text is worth keeping; of others only their end matters.
function value(  t, depth) {
	t = token()
	if (t != "[" && t != "{") return t ~ /^"/ ? t : "null"
	depth = 1
	while (depth > 0) {
		t = token()
		if (t == "") broken()
		if (t == "[" || t == "{") depth++
		if (t == "]" || t == "}") depth--
	}
	return "null"
}

function broken() {
	print "vmadm prints something else than a list of objects" | "cat >&2"
	exit 1
}

function object(  name, t, zone, field) {
	zone["zonename"] = zone["uuid"] = ""
	zone["alias"] = zone["owner_uuid"] = zone["brand"] = zone["state"] = "null"
	t = token()
	while (t != "}") {
		if (t == ",") t = token()
		if (t !~ /^"/ || token() != ":") broken()
		zone[substr(t, 2, length(t) - 2)] = value()
		t = token()
		if (t != "," && t != "}") broken()
	}
	name = zone["zonename"] ~ /^"/ ? zone["zonename"] : zone["uuid"]
	if (name ~ /^"/)
		print name "\t" zone["alias"] "\t" zone["owner_uuid"] "\t" zone["brand"] "\t" zone["state"]
}

BEGIN {
	if (token() != "[") broken()
	t = token()
	while (t != "]") {
		if (t == ",") t = token()
		if (t != "{") broken()
		object()
		t = token()
		if (t != "," && t != "]") broken()
	}
}
