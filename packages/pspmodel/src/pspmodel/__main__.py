"""``python -m pspmodel`` is the command line."""

from pspmodel.cli import main

if __name__ == "__main__":
    main(prog_name="pspmodel")
