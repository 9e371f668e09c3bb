"""Runs the kernel: `python -m endo_kernel.kernel -f <connection file>`."""

from endo_kernel.kernel.app import main

if __name__ == "__main__":
    main()
