std = "lua54"
max_line_length = 120
codes = true
files["spec"] = { std = "+busted", globals = { "a_record" } }
files["rules"] = { std = "lua54" }
exclude_files = { ".build" }
