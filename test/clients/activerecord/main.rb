require "active_record"
require "json"
require "pg"
require "securerandom"
require "stringio"

ActiveRecord::Base.establish_connection(adapter: "postgresql", host: ENV["PGHOST"], port: ENV["PGPORT"], username: ENV["PGUSER"],
                                        database: ENV["PGDATABASE"])
ActiveRecord::Base.connection.execute("INSERT INTO scorecards VALUES (1); INSERT INTO jobs VALUES (1); INSERT INTO runs VALUES (1, 3);")
ActiveRecord::Migration.verbose = false
class Scorecard < ActiveRecord::Base; end
class Job < ActiveRecord::Base; end
class Run < ActiveRecord::Base; end
class Result < ActiveRecord::Base; end

# snippet: contracts
AddContracts.migrate(:up)
AddContracts.migrate(:down)
AddContracts.migrate(:up)
stale = Scorecard.find(1)
request = SecureRandom.uuid
# snippet: calls
# snippet: errors
# snippet: save
# snippet: tests

# What the page says of increments, optimistic locking and schema.rb.
Run.increment_counter(:evaluated_count, 1)
raise "a counter was written" unless Run.find(1).evaluated_count == 2
dumped = StringIO.new
ActiveRecord::SchemaDumper.dump(ActiveRecord::Base.connection, dumped)
raise "schema.rb has contracts" if dumped.string =~ /ratchet\.|trigger/i
raise "schema.rb lacks the extension" unless dumped.string.include?('enable_extension "ratchet"')
ActiveRecord::Base.connection.execute("CREATE TABLE notes (id bigint PRIMARY KEY, body text, lock_version int NOT NULL DEFAULT 0)")
class Note < ActiveRecord::Base; end
ActiveRecord::Base.connection.execute("SELECT ratchet.guard('notes', version => 'lock_version')")
note = Note.create!(id: 1, body: "a")
late = Note.find(1)
note.update!(body: "b")
raise "the version was counted twice" unless note.lock_version == 1 && Note.find(1).lock_version == 1
begin
  late.update!(body: "c")
  raise "a late save went through"
rescue ActiveRecord::StaleObjectError
  ActiveRecord::Base.connection.execute("SELECT ratchet.unguard('notes')")
end
