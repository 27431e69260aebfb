"""The version; `package.json` and `src/version.ts` repeat it, and tests keep them equal."""

__version__ = "0.1.0"
