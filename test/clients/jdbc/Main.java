import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.sql.Types;
import java.util.UUID;

public class Main {
  public static void main(String[] arguments) throws Exception {
    var url = "jdbc:postgresql://127.0.0.1:" + System.getenv("RATCHET_TCP_PORT") + "/" + System.getenv("PGDATABASE");
    try (var con = DriverManager.getConnection(url, System.getenv("PGUSER"), "")) {
      try (var s = con.createStatement()) {
        s.execute("INSERT INTO scorecards VALUES (1); INSERT INTO jobs VALUES (1); INSERT INTO runs VALUES (1, 3);" + Files.readString(Path.of("contracts.sql")));
      }
      var request = UUID.randomUUID();
      // snippet: calls
      // snippet: errors
      // snippet: save
      // snippet: tests
    }
  }
}
