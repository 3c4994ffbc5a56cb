"""The encoder's tests compute alike on every processor."""

import os

# On a processor with AMX, oneDNN's grouped convolutions in bfloat16 give noise. The encoder finds that out and takes
# another format, so that there bfloat16 itself would be tested nowhere. It is read at torch's first computation.
os.environ.setdefault("ONEDNN_MAX_CPU_ISA", "AVX512_CORE_BF16")
