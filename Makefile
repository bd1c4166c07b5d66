# Every command is explained by `make help`; the work is done in dev/.
.DEFAULT_GOAL := help
.PHONY: help demo stop test test-unit bench preview lint format update clean

help demo stop lint update clean:
	@dev/run $@

test test-unit preview:
	@dev/run $@ $(ARGS)

bench:
	@dev/run benchmark $(ARGS)

format:
	@dev/run lint --fix --quick
