# zoneadm.awk: lines "zone ID:NAME:STATE:…" of `zoneadm list -cp`, each followed by what `zonecfg info attr` says of that zone,
# as lines "zone TAB alias TAB owner TAB brand TAB state" with the texts as JSON. Input that does not end with "end" was cut off.

function json(text,  out, i, c) {
	if (text == "") return "null"
	for (i = 1; i <= length(text); i++) {
		c = substr(text, i, 1)
		if (c == "\"" || c == "\\") out = out "\\" c
		else if (c < " ") out = out " "
		else out = out c
	}
	return "\"" out "\""
}

function put() {
	if (name != "") print json(name) "\t" json(attribute["alias"] != "" ? attribute["alias"] : name) "\t" \
		json(attribute["owner-uuid"]) "\t" json(brand) "\t" json(state)
	name = attribute["alias"] = attribute["owner-uuid"] = ""
}

/^zone / {
	put()
	gsub(/\\:/, "/") # a colon in a path
	split($0, part, ":")
	name = part[2]
	state = part[3]
	brand = part[6]
	next
}
/^end$/ { put(); whole = 1; next }
/^[ \t]*name: / { attr = $0; sub(/^[ \t]*name: /, "", attr); next }
/^[ \t]*value: / {
	text = $0
	sub(/^[ \t]*value: /, "", text)
	if (text ~ /^".*"$/) text = substr(text, 2, length(text) - 2)
	attribute[attr] = text
}

END { if (!whole) exit 1 }
