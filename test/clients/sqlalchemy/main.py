import json
import os
import uuid

from sqlalchemy import BigInteger, Column, DateTime, Text, create_engine, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.orm import Session, declarative_base


class Scorecard(declarative_base()):
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
with Session(engine) as session:
    # snippet: save
    session.commit()
    # snippet: tests
