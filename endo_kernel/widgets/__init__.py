"""The live view in a cell's output for pages without the JupyterLab extension, on anywidget, from the same view modules."""
