/* Systems without privileges that could be given up one by one: the change of user is all. */
#if !defined(__linux__) && !defined(__sun)

#include "daemon/privileges_system.h"

struct err *
privileges_keep(bool low_port)
{
	(void)low_port;
	return NULL;
}

struct err *
privileges_resume(bool low_port)
{
	(void)low_port;
	return NULL;
}

struct err *
privileges_drop_rest(void)
{
	return NULL;
}

struct err *
privileges_hide(bool core_dumps)
{
	(void)core_dumps;
	return NULL;
}

#endif
