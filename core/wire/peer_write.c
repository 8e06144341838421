/* peer_write: acknowledgements to the socket, as many in one write as are due. */
#include <errno.h>
#include <sys/socket.h>

#include "wire/peer.h"
#include "wire/socket.h"
#include "wire/state.h"

#define ACK_CHUNK 65536u /* bytes of acknowledgements that are put together for one write */

/* Sends; says in *sent how much went. False when the connection is lost. */
static bool
send_some(struct peer *p, struct str bytes, size_t *sent)
{
	ssize_t n;

	do
		n = send(p->fd, bytes.at, bytes.len, MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	if (n < 0 && errno != EAGAIN && errno != EWOULDBLOCK) {
		peer_close(p, strerror(errno));
		return false;
	}
	*sent = n > 0 ? (size_t)n : 0;
	return true;
}

void
peer_write(struct peer *p)
{
	struct wire *w = p->wire;
	size_t sent, count;

	if (p->fd < 0 || p->lost != NULL)
		return;
	for (;;) {
		if (p->out.len > 0) {
			if (!send_some(p, buf_view(&p->out), &sent))
				return;
			buf_drop(&p->out, sent);
			if (p->out.len > 0)
				break;
			buf_fini(&p->out);
		}
		if (!receipts_due(&p->receipts))
			break;
		buf_cut(&w->acks, 0);
		if ((count = receipts_collect(&p->receipts, &w->acks, ACK_CHUNK)) == 0)
			break;
		p->acknowledged += count;
		w->counters.acknowledged += count;
		if (!send_some(p, buf_view(&w->acks), &sent))
			return;
		buf_append(&p->out, w->acks.at + sent, w->acks.len - sent);
		if (buf_failed(&p->out)) {
			peer_close(p, "out of memory");
			return;
		}
		if (p->out.len > 0)
			break;
	}
	if (p->out.len > 0)
		ev_io_start(w->loop, &p->writable);
	else
		ev_io_stop(w->loop, &p->writable);
}
