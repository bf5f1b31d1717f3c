"""The official conformance suites, against our runtime and against the product."""
