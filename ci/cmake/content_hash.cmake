# cmake -DFILES="a;b" -DOUT=FILE.cc -DNAME=Function -P content_hash.cmake: a source file with one function, which returns the SHA-256 of
# those files' contents together.
set(all "")
foreach(file ${FILES})
  file(SHA256 ${file} hash)
  string(APPEND all "${hash}\n")
endforeach()
string(SHA256 hash "${all}")
file(WRITE ${OUT} "namespace wskcert {\nextern const char* ${NAME}();\nconst char* ${NAME}() { return \"${hash}\"; }\n}  // namespace wskcert\n")
