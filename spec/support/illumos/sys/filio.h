/* Of illumos's <sys/filio.h>, what the program uses; there, <sys/ioctl.h> does not bring it. */
#ifndef SYS_FILIO_H
#define SYS_FILIO_H

#include <sys/ioctl.h>

#endif
