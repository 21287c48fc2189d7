/** The commonest passwords of ten characters and more (public breach lists), without what `isTooSimple` finds by rule. */
export const COMMON_PASSWORDS: ReadonlySet<string> = new Set(
  `1q2w3e4r5t 1q2w3e4r5t6y 1qaz2wsx3edc 1qazxsw23edc q1w2e3r4t5 q1w2e3r4t5y6 zaq12wsxcde3 zaq1zaq1zaq1 qazwsxedcrfv
  qwertyuiop qwertyuiop123 qwerty12345 qwerty123456 qwerty1234567 qwertyqwerty asdfghjkl1 asdfghjkl123 zxcvbnm123
  zxcvbnmasd asdfqwer1234 qwer1234asdf 1234qwerasdf 1234567890 12345678910 123456789a 123456789q 1234567890q a123456789
  abcd123456 abc1234567 abcdef1234 aa12345678 q123456789 123123123a 1231231231 1111111111 0123456789 0987654321
  9876543210 1029384756 1357924680 1122334455 1212121212 password12 password123 password1234 password12345
  passwordpassword passw0rd12 passw0rd123 p@ssw0rd12 p@ssw0rd123 p@ssword123 p@55w0rd123 mypassword mypassword1
  thepassword yourpassword newpassword newpassword1 oldpassword changeme12 changeme123 changeme1234 changepassword
  letmein123 letmein1234 letmeinnow welcome123 welcome1234 welcome12345 welcome2024 welcome2025 welcome2026
  administrator admin12345 admin123456 adminadmin admin@1234 administrator1 rootrootroot superadmin superuser1
  superman123 batman1234 spiderman1 spiderman123 pokemon123 dragonball dragon1234 starwars123 startrek123
  football12 football123 baseball12 baseball123 basketball basketball1 volleyball liverpool1 liverpool123
  manchester manchester1 chelsea123 barcelona1 barcelona10 realmadrid juventus123 cristiano7 ronaldo123
  iloveyou12 iloveyou123 iloveyou1234 iloveyou2000 iloveyouso iloveyousomuch iloveu1234 iloveyouforever lovelove123
  sunshine12 sunshine123 princess12 princess123 butterfly1 butterfly12 chocolate1 chocolate12 strawberry strawberry1
  watermelon cheesecake blueberry1 blackberry christmas1 halloween1 valentine1 valentina1 september1 december12
  november11 january123 summer2024 summer2025 summer2026 winter2024 winter2025 winter2026 spring2024 spring2025
  autumn2025 monday1234 friday1234 michael123 jennifer12 jennifer1 jessica123 elizabeth1 alexander1 alexandra1
  christopher christina1 stephanie1 nicole1234 daniel1234 jordan2323 michaeljackson mastermaster master1234
  masterkey1 hunter2222 trustno1234 computer12 computer123 internet12 internet123 samsung123 samsung1234 iphone1234
  google1234 facebook12 facebook123 linkedin123 microsoft1 microsoft123 mercedes12 mercedesbenz lamborghini
  california california1 newyork123 australia1 helloworld helloworld1 hello12345 hellohello test123456 testtest12
  testtest123 testing123 testing1234 tester1234 testpassword temp123456 temppassword demo123456 demopassword
  guest12345 user123456 username12 secret1234 secretpassword supersecret supersecret1 topsecret1 access1234
  qweasdzxc1 qweasdzxc123 123qweasdzxc 1q2w3e4r5t6y7u asdasd12345 qweqweqwe1 abcabcabc1 abcdefghij abcdefg123
  abcdefgh12 abcd1234abcd a1b2c3d4e5 a1b2c3d4e5f6 p0o9i8u7y6 mnbvcxzlkj poiuytrewq lkjhgfdsa1 0o9i8u7y6t
  correcthorsebatterystaple whatever12 whatever123 nothing123 something1 fuckyou123 fuckyou1234 bullshit12 asshole123
  motherfucker freedom123 forever123 blessed123 jesus12345 jesuschrist ilovejesus godisgood1 diamond123 shadow1234
  monkey1234 tigger1234 charlie123 ferrari123 killer1234 matrix1234 hannah1234 parley1234 parleyparley parleyadmin`
    .split(/\s+/)
    .filter((word) => word.length > 0),
);
