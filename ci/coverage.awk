# Reads what `llvm-cov export -format=lcov` says of conformance/model; see ci/coverage. A line is unreached if it never ran, or if one of its
# branches never went one of its two ways.
function end_file() { if (file != "") order[++files] = file }
function unreached(line) { if (file != "" && !((file, line) in missing)) { missing[file, line] = 1; queue[++queued] = file SUBSEP line } }
function percent(hit, all) { return all ? sprintf("%6.2f%%", 100 * hit / all) : "      -" }

/^SF:/ {
  path = substr($0, 4); sub(/^.*\/conformance\/model\//, "conformance/model/", path)
  file = path ~ /^conformance\/model\// ? path : ""
}
file != "" && /^DA:/ {
  split(substr($0, 4), part, ",")
  lines[file]++; all_lines++
  if (part[2] > 0) { lines_hit[file]++; all_lines_hit++ } else unreached(part[1] + 0)
}
file != "" && /^BRDA:/ {
  split(substr($0, 6), part, ",")
  branches[file]++; all_branches++
  if (part[4] != "-" && part[4] > 0) { branches_hit[file]++; all_branches_hit++ } else unreached(part[1] + 0)
}
/^end_of_record/ { end_file(); file = "" }

END {
  # Where each unreached line stands, as text: numbers change with every edit above them.
  for (i = 1; i <= files; i++) {
    number = 0
    while ((getline text < (root order[i])) > 0) {
      number++
      if ((order[i], number) in missing) {
        gsub(/^[ \t]+|[ \t]+$/, "", text)
        key = order[i] "\t" text
        if (!(key in seen)) { seen[key] = 1; keys[++key_count] = key }
      }
    }
    close(root order[i])
  }
  if (list == "--list") { for (i = 1; i <= key_count; i++) print keys[i]; exit 0 }

  printf "%-40s %16s %18s\n", "file", "lines", "branches"
  for (i = 1; i <= files; i++) {
    f = order[i]
    printf "%-40s %5d of %4d %5d of %4d %s\n", f, lines_hit[f], lines[f], branches_hit[f], branches[f], percent(branches_hit[f], branches[f])
  }
  printf "lines %s, branches %s\n", percent(all_lines_hit, all_lines), percent(all_branches_hit, all_branches)
  bad = 0
  if (all_lines_hit < 0.95 * all_lines || all_branches_hit < 0.95 * all_branches) { print "below 95%"; bad = 1 }

  # The list: a paragraph a reason. "# REASON" lines, then FILE <tab> SOURCE LINE lines it holds for.
  while ((getline text < (root reasons)) > 0) {
    if (text ~ /^#/ || text == "") continue
    listed[text] = 1
    if (!(text in seen)) { print "reached, but in " reasons ": " text; bad = 1 }
  }
  for (i = 1; i <= key_count; i++) if (!(keys[i] in listed)) { print "unreached, without a reason: " keys[i]; bad = 1 }
  exit bad
}
