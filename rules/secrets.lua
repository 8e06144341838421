-- Secrets that people and programs write where every process can read them: arguments and environments. They are masked
-- before a document leaves; the record itself keeps them.
--
-- What the rules look for is asked in C, so that the many records without it never come here.

local rule = require "auditrecv.rule"
local redact = require "auditrecv.redact"

-- Options whose next argument, or what is tied to them by `=`, is a secret.
local OPTIONS = {
  "--password", "--passwd", "--pass", "--passphrase", "--token", "--auth-token", "--access-token", "--secret",
  "--client-secret", "--api-key", "--apikey", "--access-key", "--secret-key", "--secret-access-key",
  "-password", "-passwd", "-pass", "-token", "-secret", "-storepass", "-keypass",
}

-- `-p` is a password to most programs that have one, and something harmless to these.
local HARMLESS = {}
for name in ([[
  mkdir ssh scp sftp sshd cp pcp mv tar gtar cpio pax ps prstat ptree pgrep pkill kill lsof netstat ss touch find
  xargs ls install ginstall patch git make gmake dmake perl python python3 sh bash ksh ksh93 zsh read time gtime sudo
  pfexec docker-proxy nc ncat nmap ping traceroute tcpdump snoop mount umount zfs zpool zonecfg zoneadm svcs svcprop
  svccfg pkg pkgin rsync cc gcc g++ cc1 ld as sed grep egrep date head tail sort uniq psrset psradm pbind priocntl
  psql pg_ctl postgres redis-server memcached node java
]]):gmatch "%S+" do HARMLESS[name] = true end

-- `word=secret`, anywhere in an argument: settings, query strings, JDBC texts.
local WORDS = {
  "password", "passwd", "passphrase", "token", "secret", "api_key", "apikey", "access_key", "secret_key", "credential",
}

-- Names of environment variables; `*` stands for anything.
local NAMES = {
  "*PASSWORD*", "*PASSWD*", "*PASSPHRASE*", "*SECRET*", "*TOKEN*", "*API_KEY*", "*APIKEY*", "*ACCESS_KEY*",
  "*PRIVATE_KEY*", "*CREDENTIAL*", "PGPASS", "MYSQL_PWD", "SSHPASS", "*_PASS",
  "*password*", "*passwd*", "*secret*", "*token*", "*api_key*", "*credential*",
}

local WITH_P = { "-p", table.unpack(OPTIONS) }

local looks_secret = { "-p", rule.contains "://", rule.contains "uthorization:" }
for _, word in ipairs(WORDS) do
  for _, spelled in ipairs { word, word:upper(), word:sub(1, 1):upper() .. word:sub(2) } do
    looks_secret[#looks_secret + 1] = rule.contains(spelled .. "=")
  end
end
for _, option in ipairs(OPTIONS) do
  looks_secret[#looks_secret + 1] = option
  looks_secret[#looks_secret + 1] = rule.prefix(option .. "=")
end

-- Of what was run, not of what it calls itself.
local function program(doc)
  return (doc.path or doc.exec_args and doc.exec_args[1] or ""):match "[^/]*$"
end

local function mask(list, harmless)
  if type(list) ~= "table" then return end
  redact.after(list, harmless and OPTIONS or WITH_P)
  redact.matching(list, "uthorization:%s*(.+)")
  redact.urls(list)
  redact.words(list, WORDS)
end

local function mask_environment(env)
  redact.env(env, NAMES)
  redact.urls(env)
end

return {
  rule {
    name = "secrets_in_arguments",
    about = "masks passwords, tokens and keys among the arguments of programs",
    phase = "redact",
    when = { exec_args = looks_secret },
    apply = function(doc) mask(doc.exec_args, HARMLESS[program(doc)]) end,
  },
  rule {
    name = "secrets_in_environment",
    about = "masks the values of environment variables whose names speak of secrets",
    phase = "redact",
    when = { exec_env = rule.present },
    apply = function(doc)
      mask_environment(doc.exec_env)
      mask_environment(doc.exec_env_more)
    end,
  },
  rule {
    name = "secrets_in_entries",
    about = "masks entries of the environment that have no name of their own, or come twice",
    phase = "redact",
    when = { exec_env_more = rule.present, exec_env = rule.absent },
    apply = function(doc) mask_environment(doc.exec_env_more) end,
  },
  rule {
    name = "secrets_in_commands",
    about = "masks secrets in the commands that privileged programs were asked to run",
    phase = "redact",
    when = { cmd = rule.present },
    apply = function(doc)
      mask(doc.cmd.args, false)
      mask_environment(doc.cmd.env)
    end,
  },
  rule {
    name = "secrets_in_more",
    about = "masks secrets where a record has arguments, environments or commands more than once",
    phase = "redact",
    when = { more = rule.present },
    apply = function(doc)
      for _, list in ipairs(doc.more.exec_args or {}) do mask(list, false) end
      for _, env in ipairs(doc.more.exec_env or {}) do mask_environment(env) end
      for _, cmd in ipairs(doc.more.cmd or {}) do
        mask(cmd.args, false)
        mask_environment(cmd.env)
      end
    end,
  },
}
