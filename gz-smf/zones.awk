# zones.awk: the file of zones from two files: the zones of now, as sorted lines "zone TAB alias TAB owner TAB brand TAB state", and
# the file as it was. At most `keep` zones that are gone stay in it, those that went last.

BEGIN { FS = "\t" }

NR == FNR && FILENAME == ARGV[1] {
	if (!($1 in row)) order[++count] = $1
	row[$1] = $1 ":{\"zonename\":" $1 ",\"alias\":" $2 ",\"owner_uuid\":" $3 ",\"brand\":" $4 ",\"state\":" $5 "}"
	next
}

# A line of the file as it was.
/^".*}$/ || /^".*},$/ {
	line = $0
	sub(/,$/, "", line)
	match(line, /^"([^"\\]|\\.)*"/)
	key = substr(line, 1, RLENGTH)
	if (key in row) next
	if (line !~ /"state":"destroyed"}$/) {
		sub(/"state":[^,]*}$/, "\"state\":\"destroyed\"}", line)
		fresh[++freshly] = line
	} else
		gone[++many] = line
}

function put(line) { printf "%s%s", printed++ ? ",\n" : "", line }

END {
	print "{"
	for (i = 1; i <= count; i++) put(row[order[i]])
	for (i = 1; i <= freshly && i <= keep; i++) put(fresh[i])
	for (i = 1; i <= many && freshly + i <= keep; i++) put(gone[i])
	if (printed) print ""
	print "}"
}
