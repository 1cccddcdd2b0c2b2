"""The little of libpq that lets a test send parameters exactly as other drivers do: without types, or with any type, as
text or binary. psycopg chooses these itself."""
import ctypes

_lib = ctypes.CDLL("libpq.so.5")
for _name in ("PQconnectdb", "PQexecParams", "PQexecPrepared", "PQprepare", "PQdescribePrepared", "PQexec"):
    getattr(_lib, _name).restype = ctypes.c_void_p
for _name in ("PQgetvalue", "PQresultErrorField", "PQerrorMessage", "PQcmdStatus"):
    getattr(_lib, _name).restype = ctypes.c_char_p
_lib.PQparamtype.restype = ctypes.c_uint

_SQLSTATE = ord("C")
_MESSAGE = ord("M")


class Error(Exception):
    def __init__(self, sqlstate, message):
        super().__init__(f"{sqlstate}: {message}")
        self.sqlstate = sqlstate


class Connection:
    def __init__(self):
        self._connection = ctypes.c_void_p(_lib.PQconnectdb(b"options='-c client_min_messages=warning'"))
        if _lib.PQstatus(self._connection) != 0:
            raise Error("08006", _lib.PQerrorMessage(self._connection).decode())

    def close(self):
        _lib.PQfinish(self._connection)

    def _rows(self, result):
        result = ctypes.c_void_p(result)
        try:
            sqlstate = _lib.PQresultErrorField(result, _SQLSTATE)
            if sqlstate:
                raise Error(sqlstate.decode(), _lib.PQresultErrorField(result, _MESSAGE).decode())
            return [
                tuple(
                    None if _lib.PQgetisnull(result, row, column) else _lib.PQgetvalue(result, row, column).decode()
                    for column in range(_lib.PQnfields(result))
                )
                for row in range(_lib.PQntuples(result))
            ]
        finally:
            _lib.PQclear(result)

    @staticmethod
    def _arrays(values, formats):
        count = len(values)
        return (
            count,
            (ctypes.c_char_p * count)(*values),
            (ctypes.c_int * count)(*(0 if value is None else len(value) for value in values)),
            (ctypes.c_int * count)(*formats),
        )

    def execute(self, sql, values=(), types=None, formats=None):
        """PQexecParams; types None is a null pointer, and 0 in it an unknown type."""
        count, data, lengths, formats = self._arrays(values, formats or [0] * len(values))
        oids = (ctypes.c_uint * count)(*types) if types else None
        return self._rows(
            _lib.PQexecParams(self._connection, sql.encode(), count, oids, data, lengths, formats, 0)
        )

    def prepare(self, name, sql):
        """Prepares without parameter types; answers those that the server has chosen."""
        self._rows(_lib.PQprepare(self._connection, name.encode(), sql.encode(), 0, None))
        result = ctypes.c_void_p(_lib.PQdescribePrepared(self._connection, name.encode()))
        types = [_lib.PQparamtype(result, i) for i in range(_lib.PQnparams(result))]
        _lib.PQclear(result)
        return types

    def execute_prepared(self, name, values, formats):
        count, data, lengths, formats = self._arrays(values, formats)
        return self._rows(_lib.PQexecPrepared(self._connection, name.encode(), count, data, lengths, formats, 0))
