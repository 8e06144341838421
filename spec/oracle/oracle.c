/*
 * The program: takes commands on its standard input, a line each, and answers each with a line of
 * key=value.
 *
 *	oracle HOSTS WINDOW [trap] [wait] [noise=N]
 *
 *	to PORT…	where the receivers are, in the order in which hosts try them
 *	rate N		records a second, of all hosts together
 *	loud HOST N	records a second of one host, beside the others
 *	skip HOST N	the kernel of a host counts N records that its auditd never gets
 *	fail HOST	the connection of a host ends
 *	store up|down|hang|flaky|busy
 *	delay SECONDS	of each answer of the index
 *	host HOST	what one host knows
 *	report
 */
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "oracle.h"

static struct ev_loop *loop;
static struct buf input;

static void
report(void)
{
	uint64_t missing = truth_missing();
	double half = plugins_waited(50), most = plugins_waited(99), max = plugins_waited(100);

	printf("put=%llu lost=%llu acked=%llu stored=%llu outstanding=%llu acked_missing=%llu "
	       "conflicts=%llu faults=%llu trapped=%u connections=%llu requests=%llu p50=%.0f "
	       "p99=%.0f max=%.0f fault=%s\n",
	    (unsigned long long)totals.put, (unsigned long long)totals.lost,
	    (unsigned long long)totals.acked, (unsigned long long)totals.stored,
	    (unsigned long long)plugins_outstanding(), (unsigned long long)missing,
	    (unsigned long long)totals.conflicts, (unsigned long long)totals.faults,
	    plugins_trapped(), (unsigned long long)plugins_connections(),
	    (unsigned long long)store_requests(), half, most, max, totals.fault);
}

static void
tell_host(unsigned i)
{
	const struct host *h = &hosts[i < host_count ? i : 0];

	printf("address=%s last=%llu put=%llu lost=%llu acked=%llu stored=%llu kernel=%llu\n",
	    h->address, (unsigned long long)h->last, (unsigned long long)h->put,
	    (unsigned long long)h->lost, (unsigned long long)h->acked,
	    (unsigned long long)h->stored, (unsigned long long)h->kernel);
}

static void
set_store(const char *word)
{
	static const char *const words[] = { "up", "down", "hang", "flaky", "busy" };

	for (int i = 0; i < (int)ARRAY_LEN(words); i++)
		if (strcmp(word, words[i]) == 0)
			store_mode((enum store_mode)i);
}

static void
set_ports(char *rest)
{
	plugin_options.port_count = 0;
	for (char *word = strtok(rest, " "); word != NULL && plugin_options.port_count < 4;
	     word = strtok(NULL, " "))
		plugin_options.ports[plugin_options.port_count++] = (uint16_t)atoi(word);
}

static void
obey(char *line)
{
	char word[32] = "", text[32] = "";
	double number = 0, second = 0;

	sscanf(line, "%31s %31s", word, text);
	sscanf(line, "%*s %lf %lf", &number, &second);
	if (strcmp(word, "report") == 0)
		report();
	else if (strcmp(word, "host") == 0)
		tell_host((unsigned)number);
	else {
		if (strcmp(word, "to") == 0)
			set_ports(line + 3);
		else if (strcmp(word, "rate") == 0)
			plugins_rate(number);
		else if (strcmp(word, "loud") == 0)
			plugins_loud((unsigned)number, second);
		else if (strcmp(word, "skip") == 0)
			plugins_skip((unsigned)number, (unsigned)second);
		else if (strcmp(word, "fail") == 0)
			plugins_fail_over((unsigned)number);
		else if (strcmp(word, "delay") == 0)
			store_delay(number);
		else if (strcmp(word, "store") == 0)
			set_store(text);
		printf("done\n");
	}
	fflush(stdout);
}

static void
on_command(struct ev_loop *l, ev_io *w, int events)
{
	char *end;
	ssize_t n;

	(void)events;
	if (!buf_need(&input, 4096))
		abort();
	if ((n = read(w->fd, buf_end(&input), 4096)) <= 0) {
		ev_break(l, EVBREAK_ALL);
		return;
	}
	input.len += (size_t)n;
	while ((end = memchr(input.at, '\n', input.len)) != NULL) {
		*end = '\0';
		obey(input.at);
		buf_drop(&input, (size_t)(end - input.at) + 1);
	}
}

int
main(int argc, char **argv)
{
	ev_io commands;

	if (argc < 3)
		return 2;
	plugin_options.window = (unsigned)atoi(argv[2]);
	for (int i = 3; i < argc; i++) {
		plugin_options.trap |= strcmp(argv[i], "trap") == 0;
		plugin_options.wait |= strcmp(argv[i], "wait") == 0;
		if (strncmp(argv[i], "noise=", 6) == 0)
			noise = (unsigned)atoi(argv[i] + 6);
	}
	log_set_level(LOG_ERROR);
	loop = ev_default_loop(0);
	truth_open((unsigned)atoi(argv[1]));
	printf("port=%u\n", store_open(loop));
	fflush(stdout);
	plugins_open(loop);
	ev_io_init(&commands, on_command, STDIN_FILENO, EV_READ);
	ev_io_start(loop, &commands);
	ev_run(loop, 0);
	return 0;
}
