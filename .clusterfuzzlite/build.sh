#!/bin/bash -eu
# The same build; see there.
exec bash -eu "$SRC/wskcert/ci/oss-fuzz/build.sh"
