# ci/hunt.awk: the hunt's CSV as tables (docs/hunt.md says what they mean).
#
#   awk -f ci/hunt.awk FILE.csv
#
# Times are CPU seconds until the catch. A search that found nothing is censored at its budget. Medians and
# nineteen-of-twenty are Kaplan and Meier's, "> BUDGET" where too few were found. Arms are compared with the first by the log-rank test, the
# saboteurs being the strata, over the searches (saboteur and seed) that both have, each cut at the smaller budget; p-values after Holm.
BEGIN { FS = "," }
NF >= 9 {
  if (!($1 in arms)) { arms[$1] = ++arm_count; arm_name[arm_count] = $1 }
  key = $1 SUBSEP $2 SUBSEP $4
  if (key in time) next
  time[key] = $7 + 0; found[key] = $6 + 0; budget[key] = $5 + 0; executions[key] = $8 + 0
  if (!($6 + 0)) time[key] = $5 + 0
  runs[$1]++; run[$1, runs[$1]] = key
  if ($6 + 0) hits[$1]++
  else missed[$1] = missed[$1] (missed[$1] != "" ? ", " : "") $2 " (seed " $4 ")"
  seconds[$1] += $7; played[$1] += $8
  if ($5 > most[$1]) most[$1] = $5 + 0
  if (!(($1, $2) in one)) { one[$1, $2]; kinds[$1]++ }
  if (!(($1, $4) in dice)) { dice[$1, $4]; seeds[$1]++ }
  if (!($2 in strata)) { strata[$2]; stratum[++stratum_count] = $2 }
  if (!($4 in all_seeds)) { all_seeds[$4]; seed_name[++seed_count] = $4 }
}

# Sorts the numbers order[1..n] by value_of[]. Shell's method: awk has none of its own.
function sort(n,   gap, i, j, kept) {
  for (gap = int(n / 2); gap > 0; gap = int(gap / 2))
    for (i = gap + 1; i <= n; ++i) {
      kept = order[i]
      for (j = i; j > gap && value_of[order[j - gap]] > value_of[kept]; j -= gap) order[j] = order[j - gap]
      order[j] = kept
    }
}

# The time by which `share` of an arm's searches had found something.
function quantile(arm, share,   n, i, at_risk, survival) {
  n = runs[arm]
  for (i = 1; i <= n; ++i) { order[i] = i; value_of[i] = time[run[arm, i]] + (found[run[arm, i]] ? 0 : 1e-9) }
  sort(n)
  survival = 1
  for (i = 1; i <= n; ++i) {
    at_risk = n - i + 1
    if (found[run[arm, order[i]]]) survival *= (at_risk - 1) / at_risk
    if (survival <= 1 - share + 1e-12) return sprintf("%.3f", time[run[arm, order[i]]])
  }
  return "> " most[arm]
}

# Complementary error function, to 1.2e-7 relative (Numerical approximations by Chebyshev fitting).
function erfc(x,   t) {
  t = 1 / (1 + 0.5 * x)
  return t * exp(-x * x - 1.26551223 + t * (1.00002368 + t * (0.37409196 + t * (0.09678418 + t * (-0.18628806 + t * (0.27886807 + \
    t * (-1.13520398 + t * (1.48851587 + t * (-0.82215223 + t * 0.17087277)))))))))
}

# Log-rank, stratified. Sets chi and pairs; returns the p-value.
function log_rank(first, other,   s, i, k, n, key, group, both, at, cut, events, total, mine, expected, variance, observed) {
  expected = variance = observed = pairs = 0
  for (s = 1; s <= stratum_count; ++s) {
    n = 0
    for (i = 1; i <= seed_count; ++i) {
      k = first SUBSEP stratum[s] SUBSEP seed_name[i]
      key = other SUBSEP stratum[s] SUBSEP seed_name[i]
      if (!(k in time) || !(key in time)) continue
      ++pairs
      cut = budget[k] < budget[key] ? budget[k] : budget[key]
      for (group = 0; group < 2; ++group) {
        both = group ? key : k
        ++n
        order[n] = n
        of[n] = group
        hit[n] = found[both] && time[both] <= cut
        value_of[n] = hit[n] ? time[both] : cut + 1e-9
      }
    }
    sort(n)
    total = n; mine = n / 2
    for (i = 1; i <= n;) {
      at = value_of[order[i]]
      events = n_tied = mine_tied = mine_events = 0
      for (; i <= n && value_of[order[i]] == at; ++i) {
        ++n_tied
        if (of[order[i]] == 0) ++mine_tied
        if (hit[order[i]]) { ++events; if (of[order[i]] == 0) ++mine_events }
      }
      if (events > 0 && total > 1) {
        observed += mine_events
        expected += events * mine / total
        variance += events * (mine / total) * (1 - mine / total) * (total - events) / (total - 1)
      }
      total -= n_tied; mine -= mine_tied
    }
  }
  if (variance == 0) { chi = 0; return 1 }
  chi = (observed - expected) ^ 2 / variance
  faster = observed > expected
  return erfc(sqrt(chi / 2))
}

function number(x) { return x < 0.0001 ? "< 0.0001" : sprintf("%.4f", x) }

END {
  print "| arm | saboteurs | seeds | searches | found | median s | 19 of 20 s | slowest catch s | executions a second |"
  print "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |"
  for (a = 1; a <= arm_count; ++a) {
    arm = arm_name[a]
    slowest = 0
    for (i = 1; i <= runs[arm]; ++i) if (found[run[arm, i]] && time[run[arm, i]] > slowest) slowest = time[run[arm, i]]
    printf "| %s | %d | %d | %d | %d | %s | %s | %.3f | %d |\n", arm, kinds[arm], seeds[arm], runs[arm], hits[arm], quantile(arm, 0.5), quantile(arm, 0.95), \
      slowest, (seconds[arm] > 0 ? played[arm] / seconds[arm] : 0)
  }
  print ""
  for (a = 1; a <= arm_count; ++a) if (missed[arm_name[a]] != "" && runs[arm_name[a]] - hits[arm_name[a]] <= 12) print "Not found by " arm_name[a] ": " missed[arm_name[a]] "."
  if (arm_count < 2) exit
  print ""
  print "| " arm_name[1] " against | pairs | chi squared | p | p after Holm | faster |"
  print "| --- | ---: | ---: | ---: | ---: | --- |"
  for (a = 2; a <= arm_count; ++a) { p[a] = log_rank(arm_name[1], arm_name[a]); chis[a] = chi; pair_count[a] = pairs; who[a] = faster ? arm_name[1] : arm_name[a] }
  for (a = 2; a <= arm_count; ++a) { order[a - 1] = a; value_of[a] = p[a] }
  sort(arm_count - 1)
  worst = 0
  for (i = 1; i < arm_count; ++i) {
    adjusted = p[order[i]] * (arm_count - i)
    if (adjusted > 1) adjusted = 1
    if (adjusted > worst) worst = adjusted
    holm[order[i]] = worst
  }
  for (a = 2; a <= arm_count; ++a)
    printf "| %s | %d | %.1f | %s | %s | %s |\n", arm_name[a], pair_count[a], chis[a], number(p[a]), number(holm[a]), (chis[a] > 0 ? who[a] : "-")
}
