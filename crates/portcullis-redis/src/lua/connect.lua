local run, problem = memory(KEYS[1], microseconds())
if not run then
  return problem
end
return run
