/*
 * priv.h: as much of privileges(7) of illumos as the program uses, so that its illumos half compiles
 * and runs elsewhere. spec/support/binding/illumos.c has the functions.
 */
#ifndef ILLUMOS_PRIV_H
#define ILLUMOS_PRIV_H

typedef struct priv_set priv_set_t;
typedef const char *priv_ptype_t;
typedef enum { PRIV_ON, PRIV_OFF, PRIV_SET } priv_op_t;

#define PRIV_EFFECTIVE   "Effective"
#define PRIV_INHERITABLE "Inheritable"
#define PRIV_PERMITTED   "Permitted"
#define PRIV_LIMIT       "Limit"

#define PRIV_FILE_DAC_READ   "file_dac_read"
#define PRIV_FILE_DAC_SEARCH "file_dac_search"
#define PRIV_FILE_LINK_ANY   "file_link_any"
#define PRIV_NET_PRIVADDR    "net_privaddr"
#define PRIV_PROC_EXEC       "proc_exec"
#define PRIV_PROC_FORK       "proc_fork"
#define PRIV_PROC_INFO       "proc_info"
#define PRIV_PROC_SESSION    "proc_session"

#define PRIV_AWARE     0x0002
#define __PROC_PROTECT 0x0010

priv_set_t *priv_allocset(void);
void priv_freeset(priv_set_t *set);
void priv_basicset(priv_set_t *set);
int priv_addset(priv_set_t *set, const char *name);
int priv_delset(priv_set_t *set, const char *name);
void priv_intersect(const priv_set_t *from, priv_set_t *into);
int priv_issubset(const priv_set_t *inner, const priv_set_t *outer);
int setppriv(priv_op_t op, priv_ptype_t which, const priv_set_t *set);
int getppriv(priv_ptype_t which, priv_set_t *set);
int setpflags(unsigned flag, unsigned value);

#endif
