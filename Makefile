# The book's commands. Each one prepares .venv by itself; tools/start.py does the work.
#
#   make lab                     make lab LANG_BOOK=en     make lab PORT=8890
#   make lab BROWSER_OPEN=no     make lab TORCH=cuda       make test ARGS="-k convolution"

PYTHON ?= python3
ARGS ?=

.DEFAULT_GOAL := help
.PHONY: help lab test test-fast lint notebooks images bench book

help:
	@echo "make lab        open the book in JupyterLab      (LANG_BOOK=en: in English)"
	@echo "make test       check the whole book             (ARGS=\"-k convolution\": a part)"
	@echo "make test-fast  check it without running the notebooks and without a browser"
	@echo "make lint       read the code without running it (ruff, types, JavaScript)"
	@echo "make notebooks  run the notebooks again, in place"
	@echo "make images     draw the pictures of images/ again"
	@echo "make bench      measure the speed"
	@echo "make book       build the web book               (ARGS=pdf: as PDF, too)"
	@echo "README.md says more; README.ko.md says it in Korean."

lab test test-fast lint notebooks images bench book:
	@command -v "$(PYTHON)" >/dev/null 2>&1 || { \
	  echo "There is no '$(PYTHON)' here: install Python 3.10 to 3.14 from python.org," \
	       "or name yours: make $@ PYTHON=python3.12" >&2; exit 1; }
	@"$(PYTHON)" tools/start.py $@ $(ARGS)
