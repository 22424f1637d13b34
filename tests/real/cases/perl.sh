# SPDX-License-Identifier: MIT
# shellcheck shell=sh disable=SC2016,SC2034,SC2102 # for ../table.sh; other shells expand it; [::1] is an address
# Perl: IO::Socket servers and clients that fork, select and use stdio on sockets, datagrams, HTTP::Tiny.
program='Perl: IO::Socket, HTTP::Tiny'
needs='perl:perl'
quick=yes
version() { perl -e 'printf "%vd\n", $^V'; }
setup() {
    cat >both.pl <<'END_OF_FILE'
use strict;
use warnings;
use HTTP::Tiny;
use IO::Select;
use IO::Socket::INET;
use IO::Socket::IP;
use IO::Socket::UNIX;
$| = 1;

my $server = IO::Socket::IP->new(LocalHost => "::", LocalPort => 7070, Listen => 5, ReuseAddr => 1, V6Only => 0) or die "listen: $@";
my $local = IO::Socket::UNIX->new(Local => "socket", Listen => 5) or die "unix: $!";
my $child = fork // die;
if (!$child) {
    my $waiting = IO::Select->new($server, $local);
    while (my @ready = $waiting->can_read) {
        for my $from (@ready) {
            my $peer = $from->accept or next;
            if (!fork) {
                my $request = <$peer>;
                exit unless defined $request;
                if ($request =~ m{^GET (\S+) HTTP}) {
                    while (<$peer>) { last if /^\r?$/ }
                    my $body = "path $1\n";
                    printf $peer "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s", length $body, $body;
                } else {
                    print $peer scalar reverse($request), "\n";
                }
                exit;
            }
            close $peer;
        }
    }
    exit;
}
for my $host ("127.0.0.1", "::1", "localhost") {
    my $client = IO::Socket::IP->new(PeerHost => $host, PeerPort => 7070, Timeout => 5) or die "connect: $@";
    print $client "hello $host\n";
    $client->shutdown(1);
    print map { s/^\n//r } <$client>;
}
my $client = IO::Socket::UNIX->new(Peer => "socket") or die "unix: $!";
print $client "by path\n";
print <$client>;
print HTTP::Tiny->new->get("http://127.0.0.1:7070/$_")->{content} for 1 .. 5;
my $gone = HTTP::Tiny->new(timeout => 5)->get("http://127.0.0.1:7079/");
print "$gone->{status} $gone->{content}";
my $one = IO::Socket::INET->new(Proto => "udp", LocalAddr => "127.0.0.1", LocalPort => 7071) or die;
my $two = IO::Socket::INET->new(Proto => "udp", PeerAddr => "127.0.0.1", PeerPort => 7071) or die;
$two->send("datagram");
my $from = $one->recv(my $text, 100);
$one->send(uc $text, 0, $from);
$two->recv($text, 100);
print "$text from ", $two->peerhost, ":", $two->peerport, "\n";
kill TERM => $child;
waitpid $child, 0;
print "server ended by signal ", $? & 127, "\n";
END_OF_FILE
}
run() { perl both.pl; }
shows='^DATAGRAM from 127.0.0.1:7071'
refusing='deny_to = [ "127.0.0.1:7070/tcp" ];'
refused_status=13
refused_shows='^connect: .*Permission denied'
