"""The resources that people declare, as types. The CustomResourceDefinitions are made from these (``definitions``)."""
