<?php
require '/usr/share/php/Doctrine/ORM/autoload.php';
require '/usr/share/php/Symfony/Component/Cache/autoload.php';

use Doctrine\DBAL\DriverManager;
use Doctrine\ORM\EntityManager;
use Doctrine\ORM\Mapping as ORM;
use Doctrine\ORM\ORMSetup;
use Doctrine\ORM\Tools\SchemaTool;

#[ORM\Entity, ORM\Table(name: 'scorecards')]
class Scorecard
{
    #[ORM\Id, ORM\Column(type: 'bigint')] public $id;
    #[ORM\Column(type: 'text', nullable: true)] public $comment;
    #[ORM\Column(name: 'submitted_at', type: 'datetimetz', nullable: true)] public $submittedAt;
    #[ORM\Column(name: 'submitter_id', type: 'bigint', nullable: true)] public $submitterId;
}

#[ORM\Entity, ORM\Table(name: 'notes')]
class Note
{
    #[ORM\Id, ORM\Column(type: 'bigint')] public $id;
    #[ORM\Column(type: 'text', nullable: true)] public $body;
    #[ORM\Version, ORM\Column(type: 'integer')] public $version;
}

function claim(bool $holds, string $message): void
{
    if (!$holds) {
        fwrite(STDERR, "$message\n");
        exit(1);
    }
}

$connection = DriverManager::getConnection([
    'driver' => 'pdo_pgsql', 'host' => getenv('PGHOST'), 'port' => getenv('PGPORT'), 'user' => getenv('PGUSER'),
    'dbname' => getenv('PGDATABASE')]);
$em = new EntityManager($connection, ORMSetup::createAttributeMetadataConfiguration([__DIR__], true));
$connection->executeStatement('ALTER TABLE scorecards ALTER submitted_at TYPE timestamptz(0)');
$connection->executeStatement('INSERT INTO scorecards VALUES (1); INSERT INTO jobs VALUES (1); INSERT INTO runs VALUES (1, 3)');
$request = '0b4f9e0e-6a3c-4f0e-9d5b-3d1c4f1f7a10';
// snippet: contracts
// snippet: calls
// snippet: errors
// snippet: save
// snippet: tests

// What the page says of versions and of the schema tool.
$connection->executeStatement('CREATE TABLE notes (id bigint PRIMARY KEY, body text, version int NOT NULL DEFAULT 1)');
$connection->executeStatement("SELECT ratchet.guard('notes', version => 'version')");
$note = new Note();
$note->id = 1;
$em->persist($note);
$em->flush();
$before = $note->version;
$note->body = 'b';
$em->flush();
$em->refresh($note);
claim($note->version == $before + 1, "the version was counted from $before to {$note->version}");
$connection->executeStatement("UPDATE notes SET body = 'c'");
$note->body = 'd';
try {
    $em->flush();
    claim(false, 'a late save went through');
} catch (Doctrine\ORM\OptimisticLockException $e) {
}
$em = new EntityManager($connection, ORMSetup::createAttributeMetadataConfiguration([__DIR__], true));
foreach ((new SchemaTool($em))->getUpdateSchemaSql($em->getMetadataFactory()->getAllMetadata(), true) as $sql) {
    claim(!preg_match('/trigger/i', $sql), "the schema tool sees a contract: $sql");
}
$connection->executeStatement("SELECT ratchet.unguard('notes')");
