"""Contracts are modules of tests that are not collected by themselves; their asserts should explain themselves all the same."""

import pytest

pytest.register_assert_rewrite("tests.contracts.store_contract")
