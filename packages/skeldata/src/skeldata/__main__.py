"""``python -m skeldata`` is the command line."""

from skeldata.cli import main

if __name__ == "__main__":
    main(prog_name="skeldata")
