"""The kernel is a Python kernel like any other: it passes Jupyter's own tests for kernels."""

from __future__ import annotations

import jupyter_kernel_test


class TestEndoKernel(jupyter_kernel_test.KernelTests):
    kernel_name = "endo"
    language_name = "python"
    file_extension = ".py"
    code_hello_world = "print('hello, world')"
    code_stderr = "import sys; print('test', file=sys.stderr)"
    completion_samples = [{"text": "zi", "matches": {"zip"}}]
    complete_code_samples = ["1", "print('hi')", "def f(x):\n  return x*2\n\n\n"]
    incomplete_code_samples = ["print('''hello", "def f(x):\n  x*2"]
    invalid_code_samples = ["import = 7q"]
    code_page_something = "zip?"
    code_generate_error = "raise Exception"
    code_execute_result = [{"code": "1+2+3", "result": "6"}, {"code": "[n*n for n in range(1, 4)]", "result": "[1, 4, 9]"}]
    code_display_data = [{"code": "from IPython.display import HTML, display; display(HTML('<b>test</b>'))", "mime": "text/html"}]
    code_history_pattern = "1?2*"
    supported_history_operations = ("tail", "search")  # "range" fails in a plain ipykernel too
    code_inspect_sample = "zip"
    code_clear_output = "from IPython.display import clear_output; clear_output()"
