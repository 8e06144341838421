#include "base/log.h"
#include "cmd/cmd.h"
#include "cmd/source.h"

static const char usage[] = "usage: auditrecv serve [-c FILE] [--set KEY=VALUE]...\n\n"
			    "Receives audit trails in the foreground and logs to stderr.\n"
			    "SIGTERM and SIGINT settle and acknowledge what has arrived, then end "
			    "it; SIGHUP reloads the rules;\n"
			    "SIGUSR1 logs the counts.\n";

int
cmd_serve(int argc, char **argv)
{
	struct source source;
	struct daemon *d = NULL;
	struct err *e;
	int status = source_only(&source, argc, argv, usage);

	if (status >= 0)
		return status;
	if ((e = daemon_open(&d, &source.daemon, false)) == NULL)
		e = daemon_run(d);
	if (e != NULL)
		log_error("failed", log_e(e));
	daemon_close(d);
	source_free(&source);
	status = e != NULL ? CMD_FAILED : CMD_FINE;
	err_free(e);
	return status;
}
