import java.nio.file.Files;
import java.nio.file.Path;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.Date;
import java.util.HashMap;
import java.util.UUID;
import javax.persistence.Column;
import javax.persistence.Entity;
import javax.persistence.EntityManager;
import javax.persistence.Id;
import javax.persistence.OptimisticLockException;
import javax.persistence.Persistence;
import javax.persistence.PersistenceException;
import javax.persistence.Table;
import javax.persistence.Version;

@Entity @Table(name = "scorecards")
class Scorecard {
  @Id Long id;
  @Column(columnDefinition = "text") String comment;
  @Column(name = "submitted_at") Date submittedAt;
  @Column(name = "submitter_id") Long submitterId;
}

@Entity @Table(name = "jobs")
class Job {
  @Id Long id;
  @Column(columnDefinition = "text") String status;
  Integer progress;
}

@Entity @Table(name = "runs")
class Run {
  @Id Long id;
  Integer total;
  @Column(name = "evaluated_count") Integer evaluatedCount;
  @Column(name = "is_completed") Boolean isCompleted;
}

@Entity @Table(name = "notes")
class Note {
  @Id Long id;
  String body;
  @Version Integer version;
}

public class Main {
  static void require(boolean claim, String message) {
    if (!claim) throw new IllegalStateException(message);
  }

  public static void main(String[] arguments) throws Exception {
    var url = "jdbc:postgresql://127.0.0.1:" + System.getenv("RATCHET_TCP_PORT") + "/" + System.getenv("PGDATABASE");
    try (var con = DriverManager.getConnection(url, System.getenv("PGUSER"), ""); var s = con.createStatement()) {
      s.execute("INSERT INTO scorecards VALUES (1); INSERT INTO jobs VALUES (1); INSERT INTO runs VALUES (1, 3);"
          + "CREATE TABLE notes (id bigint PRIMARY KEY, body varchar(255), version int);"
          + Files.readString(Path.of("contracts.sql"))
          + "SELECT ratchet.guard('notes', version => 'version')");
      var properties = new HashMap<String, String>();
      properties.put("javax.persistence.jdbc.driver", "org.postgresql.Driver");
      properties.put("javax.persistence.jdbc.url", url);
      properties.put("javax.persistence.jdbc.user", System.getenv("PGUSER"));
      var factory = Persistence.createEntityManagerFactory("app", properties);
      var em = factory.createEntityManager();
      var first = factory.createEntityManager();
      var stale = first.find(Scorecard.class, 1L);
      var run = em.find(Run.class, 1L);
      var request = UUID.randomUUID().toString();
      em.getTransaction().begin();
      // snippet: calls
      em.getTransaction().commit();
      // snippet: errors
      em.getTransaction().begin();
      try {
        em.createNativeQuery("SELECT outcome FROM ratchet.submit('results', '1')").getSingleResult();
        require(false, "a table without a contract");
      } catch (PersistenceException e) {
        require(e.getCause() instanceof org.hibernate.exception.SQLGrammarException, "42R01 is " + e.getCause());
      }
      em.getTransaction().rollback();
      run = em.find(Run.class, 1L);
      // snippet: tests
      save(first, stale);

      // What the page says of @Version.
      var note = new Note();
      note.id = 1L;
      em.getTransaction().begin();
      em.persist(note);
      em.getTransaction().commit();
      var other = factory.createEntityManager();
      var late = other.find(Note.class, 1L);
      int before = note.version;
      em.getTransaction().begin();
      note.body = "b";
      em.getTransaction().commit();
      em.refresh(note);
      require(note.version == before + 1, "the version was counted twice");
      try {
        other.getTransaction().begin();
        late.body = "c";
        other.getTransaction().commit();
        require(false, "a late save went through");
      } catch (PersistenceException e) {
        require(e.getCause() instanceof OptimisticLockException, "not an OptimisticLockException: " + e.getCause());
      }
      s.execute("SELECT ratchet.unguard('notes')");
      factory.close();
    }
  }

  static void save(EntityManager em, Scorecard stale) {
    // snippet: save
  }
}
