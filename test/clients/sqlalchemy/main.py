import json
import os
import uuid

from sqlalchemy import BigInteger, Column, DateTime, Integer, Text, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, declarative_base
from sqlalchemy.orm.exc import StaleDataError


Base = declarative_base()


class Scorecard(Base):
    __tablename__ = "scorecards"
    id = Column(BigInteger, primary_key=True)
    comment = Column(Text)
    submitted_at = Column(DateTime(timezone=True))
    submitter_id = Column(BigInteger)


engine = create_engine("postgresql+psycopg2://", connect_args={"host": os.environ["PGHOST"]})
request = str(uuid.uuid4())
with engine.begin() as con:
    con.execute(text("INSERT INTO scorecards VALUES (1); INSERT INTO jobs VALUES (1); INSERT INTO runs VALUES (1, 3)"))
    # snippet: contracts
with engine.begin() as con:
    # snippet: calls
    # snippet: errors
with engine.begin() as con:
    con.execute(text("CREATE TABLE notes (id bigint PRIMARY KEY, body text, version int)"))
    con.execute(text("SELECT ratchet.guard('notes', version => 'version')"))


class Note(Base):
    __tablename__ = "notes"
    id = Column(BigInteger, primary_key=True)
    body = Column(Text)
    version = Column(Integer)
    __mapper_args__ = {"version_id_col": version}


# What the page says of version_id_col.
with Session(engine) as session, Session(engine) as other:
    note = Note(id=1, body="a")
    session.add(note)
    session.commit()
    late = other.get(Note, 1)
    before = note.version
    note.body = "b"
    session.commit()
    assert note.version == before + 1, "the version was counted twice"
    late.body = "c"
    try:
        other.commit()
        raise AssertionError("a late save went through")
    except StaleDataError:
        other.rollback()
    session.execute(text("SELECT ratchet.unguard('notes')"))
    session.commit()

with Session(engine) as session:
    # snippet: save
    session.commit()
    # snippet: tests
