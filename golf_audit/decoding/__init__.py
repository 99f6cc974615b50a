"""A script peeled to the text that runs, by reading constants and never by executing anything."""

from golf_audit.decoding.decode import decode
from golf_audit.decoding.limits import Limits
from golf_audit.decoding.source import Layer, Note, NoteKind, Setting, Source, Undecodable, UndecodableKind

__all__ = ["Layer", "Limits", "Note", "NoteKind", "Setting", "Source", "Undecodable", "UndecodableKind", "decode"]
