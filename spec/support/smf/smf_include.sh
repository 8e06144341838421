# shellcheck shell=sh disable=SC2034 # the shell library of SMF, as far as methods use it
SMF_EXIT_OK=0
SMF_EXIT_NODAEMON=94
SMF_EXIT_ERR_FATAL=95
SMF_EXIT_ERR_CONFIG=96
SMF_EXIT_MON_DEGRADE=97
SMF_EXIT_MON_OFFLINE=98
SMF_EXIT_ERR_NOSMF=99
SMF_EXIT_ERR_PERM=100

smf_zonename() { zonename; }
smf_is_globalzone() { [ "$(zonename)" = global ]; }
smf_is_nonglobalzone() { [ "$(zonename)" != global ]; }
