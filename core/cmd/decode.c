/* decode: trail files to documents on standard output, through the rules if so wished. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/log.h"
#include "bsm/trail.h"
#include "cmd/asking.h"
#include "cmd/cmd.h"
#include "cmd/pretty.h"
#include "cmd/progress.h"
#include "cmd/source.h"
#include "daemon/build.h"
#include "script/script.h"

#define READ_SIZE  (1024 * 1024)
#define WRITE_SIZE (256 * 1024)

static const char usage[] =
    "usage: auditrecv decode [--rules DIR | --no-rules] [--group NAME] [--pretty] [-c FILE]\n"
    "                        [--set KEY=VALUE]... [FILE... | -]\n\n"
    "Turns audit trails (illumos, Solaris, FreeBSD, macOS) into documents, one JSON line each, on "
    "standard output.\n"
    "Damage is told on stderr with its offset; reading goes on at the next record.\n"
    "Exit status: 0 fine, 1 a file could not be read or was damaged, 2 wrong usage.\n\n"
    "      --rules DIR      run the rules of this directory\n"
    "      --no-rules       run no rules, whatever the settings say\n"
    "      --group NAME     with rules, index and dialect of that group of the settings\n"
    "      --pretty         documents over several lines\n";

/* One run over all files. */
struct decoding {
	struct settings *settings;
	struct asking asking;
	struct script *script;
	struct record record;
	bool record_made;
	struct dialect dialect;
	bool pretty;
	struct buf line, out;
	struct progress progress;
	uint64_t before; /* bytes of the files before this one */
	uint64_t records;
	bool damaged;
	bool closed; /* nobody reads our output any more */
	bool failed; /* our output cannot be written: there is no use in going on */
};

/* Writes what has come together; a reader that went away ends the run quietly. */
static struct err *
write_out(struct decoding *d)
{
	size_t done = 0;
	ssize_t n;

	if (buf_failed(&d->out))
		return err_new("out of memory");
	while (done < d->out.len) {
		n = write(STDOUT_FILENO, d->out.at + done, d->out.len - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EPIPE) {
			d->closed = true;
			break;
		}
		if (n < 0) {
			d->failed = true;
			return err_sys("standard output");
		}
		done += (size_t)n;
	}
	buf_cut(&d->out, 0);
	return NULL;
}

static struct err *
put_record(struct decoding *d, const uint8_t *bytes, size_t len)
{
	static const struct origin none;
	struct script_result result;

	d->records++;
	record_decode(&d->record, bytes, len, &d->dialect);
	buf_cut(&d->line, 0);
	if (!script_run(d->script, &d->record, &none, &d->line, &result))
		return err_new("out of memory");
	if (result.verdict == SCRIPT_DROP)
		return NULL;
	if (d->pretty)
		pretty_print(buf_view(&d->line), &d->out);
	else {
		buf_str(&d->out, buf_view(&d->line));
		buf_byte(&d->out, '\n');
	}
	return d->out.len >= WRITE_SIZE ? write_out(d) : NULL;
}

/*
 * What stands in the file instead of a whole record; what can be read of it becomes a document all
 * the same.
 */
static struct err *
put_damage(struct decoding *d, const char *name, const struct trail_item *item, bool cut)
{
	d->damaged = true;
	log_warn(cut ? "trail_cut" : "trail_damaged", log_s("file", name),
	    log_i("offset", (int64_t)item->offset), log_i("bytes", (int64_t)item->len),
	    log_s("reason", item->reason));
	return put_record(d, item->at, item->len);
}

/* Takes the items at the front of the window; *wanted says how many bytes it takes to go on. */
static struct err *
take_items(struct decoding *d, const char *name, struct trail *trail, struct buf *window, bool last,
    size_t *wanted)
{
	struct trail_item item;
	struct err *e = NULL;
	size_t used = 0;

	while (e == NULL && !d->closed) {
		switch (trail_next(
		    trail, (const uint8_t *)window->at + used, window->len - used, last, &item)) {
		case TRAIL_RECORD: e = put_record(d, item.at, item.len); break;
		case TRAIL_FILE: break;
		case TRAIL_DAMAGE: e = put_damage(d, name, &item, false); break;
		case TRAIL_CUT: e = put_damage(d, name, &item, true); break;
		case TRAIL_MORE: *wanted = item.len; goto done;
		case TRAIL_END: *wanted = 0; goto done;
		}
		used += item.len;
		progress_step(&d->progress, d->before + trail->offset, d->records, "records");
	}
done:
	buf_drop(window, used);
	return e;
}

static struct err *
decode_file(struct decoding *d, int fd, const char *name)
{
	struct buf window = { 0 };
	struct trail trail;
	struct err *e = NULL;
	size_t wanted = READ_SIZE;
	bool last = false;
	ssize_t n;

	trail_init(&trail, d->dialect.record_max);
	while (e == NULL && wanted > 0 && !d->closed) {
		while (!last && window.len < wanted) {
			if (!buf_need(&window, READ_SIZE)) {
				e = err_new("%s: out of memory", name);
				break;
			}
			n = read(fd, buf_end(&window), READ_SIZE);
			if (n < 0 && errno == EINTR)
				continue;
			if (n < 0) {
				e = err_sys("%s", name);
				break;
			}
			window.len += (size_t)n;
			last = n == 0;
		}
		if (e == NULL)
			e = take_items(d, name, &trail, &window, last, &wanted);
	}
	d->before += trail.offset;
	buf_fini(&window);
	return e;
}

static struct err *
decode_named(struct decoding *d, const char *name)
{
	bool standard = strcmp(name, "-") == 0;
	int fd = standard ? STDIN_FILENO : open(name, O_RDONLY | O_CLOEXEC);
	struct err *e;

	if (fd < 0)
		return err_sys("%s", name);
	e = decode_file(d, fd, standard ? "standard input" : name);
	if (!standard)
		close(fd);
	return e;
}

/* Bytes of all files, 0 when it cannot be told. */
static uint64_t
whole_size(char **names, int count)
{
	uint64_t sum = 0;
	struct stat st;

	for (int i = 0; i < count; i++) {
		if (strcmp(names[i], "-") == 0 || stat(names[i], &st) < 0 || !S_ISREG(st.st_mode))
			return 0;
		sum += (uint64_t)st.st_size;
	}
	return sum;
}

/* Tells an error, if there is one; true when there was none. */
static bool
is_fine(struct err *e)
{
	if (e == NULL)
		return true;
	fprintf(stderr, "auditrecv decode: %s\n", err_text(e));
	err_free(e);
	return false;
}

/* All files, one after the other; one that cannot be read does not stop the others. */
static int
decode_all(struct decoding *d, char **names, int count)
{
	bool fine = true;

	signal(SIGPIPE, SIG_IGN);
	progress_begin(&d->progress, whole_size(names, count));
	for (int i = 0; i < count && !d->closed && !d->failed; i++)
		fine = is_fine(decode_named(d, names[i])) && fine;
	if (!d->closed && !d->failed)
		fine = is_fine(write_out(d)) && fine;
	progress_end(&d->progress);
	return fine && !d->damaged ? CMD_FINE : CMD_FAILED;
}

struct options {
	struct source source;
	const char *rules, *group;
	bool no_rules, pretty;
};

static int
read_options(struct options *o, int argc, char **argv)
{
	static const struct option more[] = {
		{ "rules", required_argument, NULL, 'r' },
		{ "no-rules", no_argument, NULL, 'n' },
		{ "group", required_argument, NULL, 'g' },
		{ "pretty", no_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	int c, status = -1;

	*o = (struct options){ 0 };
	while (
	    status < 0 && (c = source_option(&o->source, argc, argv, more, usage, &status)) != -1)
		switch (c) {
		case 'r': o->rules = optarg; break;
		case 'n': o->no_rules = true; break;
		case 'g': o->group = optarg; break;
		case 'p': o->pretty = true; break;
		}
	if (status < 0 && o->rules != NULL && o->no_rules)
		status = cmd_misused(argv[0], "--rules and --no-rules exclude each other");
	return status;
}

/* The rules that the command line names, or none, instead of those of the settings. */
static void
choose_rules(struct settings *s, size_t place, const struct options *o)
{
	if (o->rules == NULL && !o->no_rules)
		return;
	s->rules.directory = o->rules;
	if (place != BUILD_DEFAULT)
		s->groups[place].rules = NULL;
}

static struct err *
prepare(struct decoding *d, const struct options *o)
{
	struct build_lookups lookups = { .asker = &d->asking.asker.door };
	size_t place = BUILD_DEFAULT;
	struct err *e = settings_read(&d->settings, o->source.daemon.file,
	    o->source.daemon.assignments, o->source.daemon.assignment_count);

	if (e != NULL)
		return e;
	if (o->group != NULL && !build_group_named(d->settings, o->group, &place))
		return err_new("--group %s: the settings have no such group", o->group);
	choose_rules(d->settings, place, o);
	d->pretty = o->pretty;
	if ((e = build_dialect(&d->dialect, d->settings, place)) != NULL)
		return settings_blame(e, o->source.daemon.file);
	if (!(d->record_made = record_init(&d->record)))
		return err_new("out of memory");
	if ((e = asking_open(&d->asking, d->settings)) == NULL)
		e = build_script(&d->script, d->settings, place, &lookups);
	return settings_blame(e, o->source.daemon.file);
}

int
cmd_decode(int argc, char **argv)
{
	static char *standard_input[] = { "-" };
	struct decoding d = { 0 };
	struct options o;
	struct err *e;
	int status = read_options(&o, argc, argv);

	if (status < 0) {
		if ((e = prepare(&d, &o)) != NULL) {
			fprintf(stderr, "auditrecv decode: %s\n", err_text(e));
			err_free(e);
			status = CMD_FAILED;
		} else if (optind < argc)
			status = decode_all(&d, argv + optind, argc - optind);
		else
			status = decode_all(&d, standard_input, 1);
		log_tick(1);
	}
	script_close(d.script);
	asking_close(&d.asking);
	if (d.record_made)
		record_fini(&d.record);
	settings_free(d.settings);
	buf_fini(&d.line);
	buf_fini(&d.out);
	source_free(&o.source);
	return status;
}
