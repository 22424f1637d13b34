# SPDX-License-Identifier: MIT
# Perl's Net::Ping over its icmp and icmpv6 protocols.
#
#     perl net_ping.pl icmp|icmpv6 SECONDS ADDRESS...
use strict;
use warnings;
use Net::Ping;

my ($protocol, $seconds, @hosts) = @ARGV;
my $pinger = Net::Ping->new({ proto => $protocol, timeout => $seconds,
                              family => $protocol eq 'icmpv6' ? 'ipv6' : 'ipv4' });
$pinger->hires(1);
for my $host (@hosts) {
    my ($reply, $duration, $address) = $pinger->ping($host);
    printf "%s %s %s\n", $host, defined $reply ? ($reply ? 'alive' : 'dead') : 'unknown', $address // '-';
}
$pinger->close();
